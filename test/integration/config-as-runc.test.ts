import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { BundleOptions, Mount } from "../fixtures/make-bundle.ts";
import { bundle, dir, nk, useHostMode } from "./host-mode-rig.ts";

/** What docs/oci-compatibility.md says of container mode: each property has the effect that runc by itself gives it. */
useHostMode();

const COMMANDS = [
  "grep ' /m/' /proc/self/mountinfo | cut -d ' ' -f 5-7; cat /m/nosymfollow/link 2>&1",
  "cat /proc/sys/kernel/domainname; uname -m; awk '{print $19, $41}' /proc/self/stat",
  "id; umask; grep -E '^(Cap|NoNew|Seccomp)' /proc/self/status; cat /proc/self/oom_score_adj",
];
const OPTIONS =
  "nosymfollow rnosymfollow rnoatime rstrictatime silent acl ro rro nosuid shared unbindable sync";

const binds = (...options: string[]): Mount[] =>
  options.map((option) => ({
    destination: `/m/${option}`,
    type: "bind",
    source: dir,
    options: ["rbind", option],
  }));

it.each<[string, () => BundleOptions]>([
  [
    "what it takes",
    () => ({
      mounts: binds(...OPTIONS.split(" ")),
      config: { ociVersion: "1.2.0", domainname: "example.org" },
      process: {
        user: { uid: 1000, gid: 1001, umask: 0o27, additionalGids: [5] },
        oomScoreAdj: 123,
        scheduler: { policy: "SCHED_BATCH", nice: 5 },
        ioPriority: { class: "IOPRIO_CLASS_IDLE", priority: 0 },
        execCPUAffinity: { initial: "0" },
      },
    }),
  ],
  ["an option of mounts that it refuses", () => ({ mounts: binds("ratime") })],
  [
    "a namespace",
    () => ({
      linux: { namespaces: [{ type: "mount" }, { type: "time" }], timeOffsets: { boottime: { secs: 1 } } },
    }),
  ],
  ["Intel RDT", () => ({ linux: { intelRdt: { closID: "x", l3CacheSchema: "L3:0=f" } } })],
  [
    "a seccomp action",
    () => ({
      linux: {
        seccomp: {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
        },
      },
    }),
  ],
])("has the effect that it has by runc itself: %s", async (_name, options) => {
  symlinkSync("nowhere", join(dir, "link"));
  const path = await bundle({ ...options(), args: ["sh", "-c", COMMANDS.join("; ")] });
  const theirs = byRunc(path);
  const ours = await nk.run(["run", "--host-runtime=runc", "--bundle", path, "as-ours"]);
  expect(comparable(ours.stdout)).toBe(comparable(theirs.stdout));
  expect(ours.stderr.trim()).toBe(theirs.reason);
  expect(ours.code).toBe(theirs.code);
});

/** Peer groups of mounts are numbered for the whole host. */
function comparable(output: string): string {
  return output.replace(/\bshared:\d+/g, "shared:N");
}

/** What is left of a failure is in runc's log: its standard error has the time as well. */
function byRunc(path: string): { code: number | null; stdout: string; reason: string } {
  const root = join(dir, "runc");
  const log = join(dir, "log");
  mkdirSync(root);
  const words = ["--root", root, "--log", log, "--log-format=json", "run", "--bundle", path, "as-runc"];
  const { status: code, stdout } = spawnSync("runc", words, { encoding: "utf8" });
  const lines = readFileSync(log, "utf8").trim().split("\n");
  const reason = lines
    .map((line) => (line === "" ? "" : (JSON.parse(line) as { msg: string }).msg))
    .join("\n");
  return { code, stdout, reason };
}
