import type { FaultRule } from "./rule.ts";

export const SNAPSHOT_FAULTS: readonly FaultRule[] = [
  {
    pattern: /Failed to open snapshot file/,
    code: "NOT_FOUND",
    says: "cannot open the snapshot {snapshot_path}: {os}",
    mend: "name another, or make one",
  },
  {
    pattern: /Error creating guest memory from/,
    code: "HOST",
    says: "Firecracker cannot read the snapshot's memory: {os}",
    mend: "see that the memory file is there and whole, and that Firecracker's user may read it",
  },
  {
    pattern: /Invalid data version|bitcode|bincode|Magic value does not match/,
    code: "UNSUPPORTED",
    says: "the snapshot {snapshot_path} was not made by a Firecracker like this one ({version}), or is none",
    mend: "make it anew with this Firecracker on this host",
  },
  {
    pattern: /CRC64 validation failed|too short to contain CRC/,
    code: "DAMAGED",
    says: "the snapshot {snapshot_path} is damaged",
    mend: "make it anew",
  },
  {
    pattern: /Unknown (?<device>Vsock|Network) Device/i,
    code: "BAD_CONFIG",
    says: "the snapshot {snapshot_path} has no {device} device to replace",
    mend: "leave the override out",
  },
  {
    pattern: /not allowed after configuring boot-specific resources/,
    code: "BAD_STATE",
    says: "a snapshot is loaded into a Firecracker that was configured for a boot",
    mend: "load it into a new one",
  },
  {
    pattern: /unavailable while running/,
    code: "BAD_STATE",
    says: "a snapshot can be taken of a paused VM only",
    mend: "pause it first",
  },
  {
    pattern: /on the (snapshot|memory) backing file/,
    code: "HOST",
    says: "cannot write the snapshot {snapshot_path}: {os}",
    mend: "see that its folder exists and has room, and that Firecracker's user may write there",
  },
];
