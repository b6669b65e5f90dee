/** What differs between versions. */
export interface Traits {
  version: string;
  snapshotVersion: string;
  /** DELETE, devices added to a running VM, and the optional members of 1.16. */
  since116: boolean;
  /** bzImage kernels, transparent huge pages. */
  since117: boolean;
  /** A snapshot file that is none, in words. */
  badSnapshot: string;
  /** After a pause, what the host writes no longer reaches the guest. */
  deafAfterResume: boolean;
}

/** The format of snapshots by minor version: src/vmm/src/persist.rs at the tags. */
const SNAPSHOT_VERSIONS: Record<number, string> = {
  12: "6.0.0",
  13: "8.0.0",
  14: "8.0.0",
  15: "9.0.0",
  16: "10.0.0",
};
const NEWEST_SNAPSHOT_VERSION = "11.0.0";

const BITCODE = "An error occurred during bitcode serialization: bitcode error";
const BINCODE = "An error occured during bincode decoding: LimitExceeded";

/** @throws Error on what is no version */
export function traitsOf(version: string): Traits {
  const minor = Number(/^1\.(\d+)\.\d+(-dev)?$/.exec(version)?.[1]);
  if (Number.isNaN(minor)) throw new Error(`NK_FAKE_FC_VERSION: ${version} is no version like 1.16.1`);
  return {
    version,
    snapshotVersion: SNAPSHOT_VERSIONS[minor] ?? NEWEST_SNAPSHOT_VERSION,
    since116: minor >= 16,
    since117: minor >= 17,
    badSnapshot: minor >= 16 ? BITCODE : BINCODE,
    deafAfterResume: ["1.16.0", "1.16.1"].includes(version),
  };
}
