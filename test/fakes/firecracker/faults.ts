// What is to go wrong: NK_FAKE_FC_FAULT, a list of names separated by commas, some with a value after a colon.

const FAULTS = [
  "exit-before-bind", // :STATUS (1): ends, with a complaint, before its socket is there
  "never-bind", // runs, and never makes its socket
  "slow", // :MS (500): each answer takes that long
  "reset", // :PATH: a request for that path (or any) is cut off without an answer
  "api-filtered", // :MS (0): the first request is cut off, and that long after it the process ends with 148, by a filter that forbids its API's thread to answer
  "start-refused", // :CAUSE: a key of REFUSALS
  "start-exits", // :STATUS (1): ends at InstanceStart without an answer
  "dies", // :STATUS (1): ends once the guest runs
  "ignore-sigterm", // only SIGKILL ends it
  "guest-panics", // :MS: that long after its start the guest's kernel panics; the process then exits with 0
  "guest-reboots", // :MS: … the guest restarts; likewise
  "guest-halts", // :MS: … the guest switches itself off; the process stays
  "deaf-after-resume", // after a pause nothing that the host writes reaches the guest (as in 1.16.0 and 1.16.1)
] as const;
type FaultName = (typeof FAULTS)[number];

const ACL =
  " Make sure the user launching the firecracker process is \\\nconfigured on the /dev/kvm file's ACL.";

/** Why InstanceStart is refused, in Firecracker's words (after "Start microvm error: "). */
export const REFUSALS: Record<string, string> = {
  "no-kvm": `Kvm error: Error creating KVM object: No such file or directory (os error 2)${ACL}`,
  "kvm-permission": `Kvm error: Error creating KVM object: Permission denied (os error 13)${ACL}`,
  "no-virtualization": `Kvm error: Error creating KVM object: No such device (os error 19)${ACL}`,
  "kvm-busy": "Error with the KvmVm object: Failed to create VM: Device or resource busy (os error 16)",
  "kvm-capability": "Kvm error: Missing KVM capabilities: 0x4b",
  "no-memory":
    "Invalid Memory Configuration: Cannot create mmap region: Cannot allocate memory (os error 12)",
  "initrd-too-big": "Error with initrd initialization: Failed to compute the initrd address.",
  "too-many-devices": "Could not allocate GSI: The requested resource is not available.",
};

export type Faults = ReadonlyMap<FaultName, string>;

/** @throws Error on a name that is not known */
export function parseFaults(text: string): Faults {
  const faults = new Map<FaultName, string>();
  for (const item of text.split(",").filter((part) => part !== "")) {
    const [name = "", value = ""] = item.split(/:(.*)/s);
    const found = FAULTS.find((known) => known === name);
    if (found === undefined) throw new Error(`NK_FAKE_FC_FAULT: ${name} is none of ${FAULTS.join(", ")}`);
    if (found === "start-refused" && !Object.hasOwn(REFUSALS, value))
      throw new Error(
        `NK_FAKE_FC_FAULT: start-refused: ${value} is none of ${Object.keys(REFUSALS).join(", ")}`,
      );
    faults.set(found, value);
  }
  return faults;
}

/** The number after a fault's colon, or `otherwise`. */
export function faultNumber(faults: Faults, name: FaultName, otherwise: number): number {
  const value = faults.get(name);
  return value === undefined || value === "" ? otherwise : Number(value);
}

const GUEST_ENDS = [
  ["guest-panics", "panic"],
  ["guest-reboots", "reboot"],
  ["guest-halts", "poweroff"],
] as const;

/** Calls `end` when the guest is to end. */
export function endGuest(faults: Faults, end: (how: "panic" | "reboot" | "poweroff") => void): void {
  for (const [name, how] of GUEST_ENDS)
    if (faults.has(name)) setTimeout(() => end(how), faultNumber(faults, name, 0));
}
