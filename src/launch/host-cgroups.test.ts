import { expect, it } from "vitest";
import type { Bundle } from "../oci/bundle.ts";
import { withGuestCgroups } from "./host-cgroups.ts";

const bind = (source: string, destination: string, ...options: string[]) => ({
  destination,
  type: "bind",
  source,
  options: ["rbind", ...options],
});
const cgroups = (access: string) => ({
  destination: "/sys/fs/cgroup",
  type: "cgroup",
  source: "cgroup",
  options: ["nosuid", "nodev", "noexec", "relatime", access],
});
const bundle = (mounts: unknown[], namespaces: unknown[] = [{ type: "pid" }]): Bundle =>
  ({ path: "/bundle", raw: { mounts, linux: { namespaces } } }) as unknown as Bundle;

const SYS = { destination: "/sys", type: "sysfs", source: "sysfs" };
const TMP = { destination: "/tmp", type: "tmpfs", source: "tmpfs" };

it.each([
  ["none of the host's cgroups", [SYS, cgroups("ro"), bind("/srv", "/srv")]],
  ["a bind of them elsewhere, for who watches the host", [bind("/sys/fs/cgroup", "/host/cgroup", "ro")]],
  ["a bind of something else there", [bind("/srv", "/sys/fs/cgroup/systemd")]],
])("%s stays as it is", (_, mounts) => {
  const given = bundle(mounts);
  expect(withGuestCgroups(given)).toBe(given);
});

it.each([
  [
    "podman's for systemd on version 1",
    [SYS, cgroups("ro"), TMP, bind("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/systemd", "rprivate")],
    [SYS, cgroups("rw"), TMP],
  ],
  ["all of them", [SYS, bind("/sys/fs/cgroup", "/sys/fs/cgroup", "rw"), TMP], [SYS, cgroups("rw"), TMP]],
  ["all of them, read-only", [SYS, bind("/sys/fs/cgroup/", "/sys/fs/cgroup", "ro")], [SYS, cgroups("ro")]],
])("a bind is the guest's own: %s", (_, given, mounts) => {
  const namespaces = [{ type: "pid" }, { type: "cgroup" }];
  expect(withGuestCgroups(bundle(given)).raw).toEqual({ mounts, linux: { namespaces } });
  expect(withGuestCgroups(bundle(given, namespaces)).raw).toEqual({ mounts, linux: { namespaces } });
});
