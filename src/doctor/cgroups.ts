import { readFileSync } from "node:fs";
import { join } from "node:path";
import { listHierarchies, makeCgroup, planCgroup, procsFiles, type Hierarchy } from "../host/cgroup.ts";
import { removeCgroups } from "../host/cgroup-remove.ts";
import { ok, warn, type Finding } from "../host/finding.ts";
import { systemdRuns } from "../host/systemd-scope.ts";
import type { Check } from "./check.ts";

/** Control groups: which version, which controllers, and whether we may make some. */
export const CGROUP_CHECKS: readonly Check[] = [{ group: "host", name: "cgroups", modes: [], run: cgroups }];

const WANTED = ["cpu", "memory", "pids"];

async function cgroups(): Promise<Finding> {
  const hierarchies = listHierarchies();
  if (hierarchies.length === 0) {
    return warn("not mounted: no limits, no pause", "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
  }
  const found = describe(hierarchies);
  const refused = await refusing(hierarchies);
  if (refused.length > 0) {
    return warn(
      `${found}; no folder can be made in ${refused.length === hierarchies.length ? "them: limits hold in the guest alone" : refused.join(", ")}`,
      "run as root on the host, or delegate them (systemd-run --property=Delegate=yes …)",
    );
  }
  const controllers = new Set(hierarchies.flatMap(controllersOf));
  const missing = WANTED.filter((name) => !controllers.has(name));
  if (missing.length === 0) return ok(`${found}; writable; containers of VMs get ${managers()}`);
  return warn(
    `${found}; no controller for ${missing.join(", ")}`,
    `limits of that kind are refused; boot the host with cgroup_enable=${missing.join(",")}`,
  );
}

/** By whom cgroups are made on this host (src/host/cgroup-manager.ts). */
function managers(): string {
  return systemdRuns()
    ? "folders, or with --systemd-cgroup a scope of systemd"
    : "folders (systemd does not run, so --systemd-cgroup is refused)";
}

function describe(hierarchies: readonly Hierarchy[]): string {
  const v2 = hierarchies.filter(isV2);
  const names = [...new Set(hierarchies.flatMap(controllersOf))].sort().join(" ");
  if (v2.length === hierarchies.length) return `version 2: ${names}`;
  return `version 1${v2.length > 0 ? " with a version 2 beside it (hybrid)" : ""}: ${names}`;
}

const controllersFile = ({ mountPoint }: Hierarchy): string => join(mountPoint, "cgroup.controllers");
const isV2 = ({ version }: Hierarchy): boolean => version === 2;

function controllersOf(hierarchy: Hierarchy): string[] {
  if (!isV2(hierarchy))
    return hierarchy.controllers.filter((name) => !/[=]|^(xattr|nosuid|nodev)$/.test(name));
  return readFileSync(controllersFile(hierarchy), "utf8").split(/\s+/).filter(Boolean);
}

/** By making a folder in each, as every container has one, and removing it. */
async function refusing(hierarchies: Hierarchy[]): Promise<string[]> {
  const folder = `/nano-sandbox/doctor-${process.pid}`;
  const folders = planCgroup(folder, hierarchies);
  try {
    makeCgroup(folders, hierarchies);
    return hierarchies
      .map(({ mountPoint }) => mountPoint)
      .filter((mountPoint) => !procsFiles(folders).some((file) => file.startsWith(`${mountPoint}/`)));
  } finally {
    // Nothing was put into them.
    await removeCgroups(folders.made, "");
  }
}
