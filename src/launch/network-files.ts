import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { Bundle } from "../oci/bundle.ts";
import { fileOfGuest, planMounts, rawMounts } from "../oci/guest-mounts.ts";
import type { NetworkRecord } from "../state/network-record.ts";

/** Where the agent writes them (protocol/agent-protocol.md, "The guest's network"), and where a container looks for them. */
const FILES = [
  { path: "/run/nk/etc/hosts", destination: "/etc/hosts" },
  { path: "/run/nk/etc/resolv.conf", destination: "/etc/resolv.conf" },
];

/**
 * The bundle with mounts for the files that name hosts and servers, as the guest has them. Those that the bundle brings count: as a mount, or with content in
 * its root file system. In a namespace that a manager has made, they are the manager's matter.
 */
export function withNetworkFiles(bundle: Bundle, { kind }: Pick<NetworkRecord, "kind">): Bundle {
  if (kind !== "tap" && kind !== "user") return bundle;
  const { raw, rootfs } = bundle;
  const mounted = new Set(planMounts(raw).map(({ destination }) => destination));
  const missing = FILES.filter(
    ({ destination }) => !mounted.has(destination) && isEmptyFile(join(rootfs, destination)),
  );
  if (missing.length === 0) return bundle;
  const own = missing.map(({ path, destination }) => fileOfGuest(path, destination));
  return { ...bundle, raw: { ...raw, mounts: [...rawMounts(raw), ...own] } };
}

/** A mount point that is missing would have to be made in the host's root file system. A link is the bundle's choice, and may lead to a file of the host here. */
function isEmptyFile(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size === 0;
}
