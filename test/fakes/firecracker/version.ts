/** The versions whose answers were recorded. */
export const VERSIONS = ["1.14.4", "1.16.1", "1.17.0-dev"] as const;
export type Version = (typeof VERSIONS)[number];

/** What differs between them. */
export interface Traits {
  version: Version;
  snapshotVersion: string;
  /** DELETE, devices added to a running VM, and the optional members of 1.16. */
  since116: boolean;
  /** bzImage kernels, transparent huge pages. */
  since117: boolean;
  /** A snapshot file that is none, in words. */
  badSnapshot: string;
  /** After a pause, what the host writes no longer reaches the guest (1.16.0 and 1.16.1). */
  deafAfterResume: boolean;
}

const BITCODE = "An error occurred during bitcode serialization: bitcode error";

export function traitsOf(version: Version): Traits {
  return {
    version,
    snapshotVersion: { "1.14.4": "8.0.0", "1.16.1": "10.0.0", "1.17.0-dev": "11.0.0" }[version],
    since116: version !== "1.14.4",
    since117: version === "1.17.0-dev",
    badSnapshot: version === "1.14.4" ? "An error occured during bincode decoding: LimitExceeded" : BITCODE,
    deafAfterResume: version === "1.16.1",
  };
}
