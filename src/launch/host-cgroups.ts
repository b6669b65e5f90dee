import { resolve } from "node:path";
import { objectOrEmpty, objectsIn } from "../base/json.ts";
import type { Bundle } from "../oci/bundle.ts";
import { asksForBind, rawMounts } from "../oci/guest-mounts.ts";

type Json = Record<string, unknown>;

/** Where a host has its cgroups, and a guest. */
const CGROUPS = "/sys/fs/cgroup";

/**
 * The bundle with the guest's cgroups in the place of binds of the host's, which callers make for an init that has groups of its own: podman for systemd on a host
 * with version 1, people with `-v /sys/fs/cgroup:/sys/fs/cgroup`. The init's are no groups of the host, and the host's are nothing that a guest may write to.
 */
export function withGuestCgroups(bundle: Bundle): Bundle {
  const mounts = rawMounts(bundle.raw);
  const binds = mounts.filter((mount) => bindsCgroups(bundle.path, mount));
  const [first] = binds;
  if (first === undefined) return bundle;
  const access = binds.every((mount) => optionsOf(mount).includes("ro")) ? "ro" : "rw";
  const own = mounts.find((mount) => mount["destination"] === CGROUPS && !binds.includes(mount));
  const options = ["nosuid", "nodev", "noexec", "relatime", access];
  const cgroups = { destination: CGROUPS, type: "cgroup", source: "cgroup", options };
  // In the place of the caller's: what is mounted below comes later.
  const place = own ?? first;
  const kept = mounts.filter((mount) => mount === place || !binds.includes(mount));
  const linux = objectOrEmpty(bundle.raw["linux"]);
  return {
    ...bundle,
    raw: {
      ...bundle.raw,
      mounts: kept.map((mount) => (mount === place ? cgroups : mount)),
      linux: { ...linux, namespaces: withCgroupNamespace(objectsIn(linux["namespaces"])) },
    },
  };
}

function bindsCgroups(bundlePath: string, { type, source, destination, ...mount }: Json): boolean {
  const isBind = asksForBind({
    ...(typeof type === "string" && { type }),
    options: optionsOf(mount),
  });
  return isBind && isBelow(resolve(bundlePath, String(source))) && isBelow(resolve("/", String(destination)));
}

function isBelow(path: string): boolean {
  return path === CGROUPS || path.startsWith(`${CGROUPS}/`);
}

function optionsOf({ options }: Json): string[] {
  return Array.isArray(options) ? options.map(String) : [];
}

/** In which the container's own group is the top: without it, writable cgroups are those of the whole guest. */
function withCgroupNamespace(namespaces: Json[]): Json[] {
  const has = namespaces.some(({ type }) => type === "cgroup");
  return has ? namespaces : [...namespaces, { type: "cgroup" }];
}
