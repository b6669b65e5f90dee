import { describe, expect, test } from "vitest";
import { faultError, faultText } from "./faults.ts";

/** What no recording has, from the source of Firecracker; strerror texts are musl's, as in the official binaries. */
const ACL =
  "Make sure the user launching the firecracker process is \\\n    configured on the /dev/kvm file's ACL.";
const KERNEL =
  "Start microvm error: System configuration error: Cannot load kernel due to invalid memory configuration or invalid kernel image: Kernel Loader: ";
const LOAD = "Load snapshot error: Failed to restore from snapshot: ";
const STATE_FILE = `${LOAD}Failed to get snapshot state from file: Failed to load snapshot state from file: `;
const TAP = "Network config error: Could not create the network device: Open tap device failed: ";
const KVM = "Start microvm error: Kvm error: Error creating KVM object:";

test.each([
  [
    `${KVM} No such file or directory (os error 2) ${ACL}`,
    "UNSUPPORTED",
    "/dev/kvm does not exist: modprobe",
  ],
  [`${KVM} Permission denied (os error 13) ${ACL}`, "UNSUPPORTED", "may not open /dev/kvm: give its user"],
  [`${KVM} No such device (os error 19) ${ACL}`, "UNSUPPORTED", "CPU has no hardware virtualisation"],
  [`${KVM} Too many open files (os error 24) ${ACL}`, "UNSUPPORTED", "KVM does not work for Firecracker"],
  [
    "Start microvm error: Error with the KvmVm object: Failed to create VM: Resource busy (os error 16)",
    "HOST",
    "another hypervisor uses the CPU's hardware virtualisation: end it",
  ],
  [
    "Start microvm error: Kvm error: Missing KVM capabilities: 0x1f",
    "UNSUPPORTED",
    "lacks what Firecracker needs (capabilities 0x1f)",
  ],
  [
    `${LOAD}Failed to build microVM from snapshot: Failed to create microVM and vCPUs: Kvm error: Error creating KVM object: Permission denied (os error 13) ${ACL}`,
    "UNSUPPORTED",
    "may not open /dev/kvm",
  ],
  [`${KERNEL}Unable to read kernel image`, "BAD_CONFIG", "does not fit into the VM's memory"],
  [`${KERNEL}memory to load kernel image is not enough`, "BAD_CONFIG", "more with --vm-memory"],
  [`${KERNEL}bzImage does not provide a 64-bit entry point`, "BAD_CONFIG", "is no image"],
  [
    "Start microvm error: Error with initrd initialization: Failed to compute the initrd address.",
    "BAD_CONFIG",
    "the initramfs does not fit",
  ],
  [
    "Start microvm error: Invalid Memory Configuration: Cannot create mmap region: Out of memory (os error 12)",
    "HOST",
    "the host has not enough memory",
  ],
  [
    "Start microvm error: Could not allocate GSI: The requested resource is not available.",
    "UNSUPPORTED",
    "more devices than Firecracker can attach",
  ],
  [
    "Start microvm error: Could not find an available device slot on the PCI bus.",
    "UNSUPPORTED",
    "more devices than Firecracker can attach",
  ],
  [
    `${TAP}Error while creating ifreq structure: Operation not permitted (os error 1). Invalid TUN/TAP Backend provided by tap0.`,
    "HOST",
    "may not open the tap device tap0",
  ],
  [
    `${TAP}Error while creating ifreq structure: Resource busy (os error 16). Invalid TUN/TAP Backend provided by tap0.`,
    "HOST",
    "the tap device tap0 is in use",
  ],
  [
    `${TAP}Error while creating ifreq structure: Invalid argument (os error 22). Invalid TUN/TAP Backend provided by tap0.`,
    "HOST",
    "tap0 is of another kind",
  ],
  [
    `${TAP}Couldn't open /dev/net/tun: No such file or directory (os error 2)`,
    "HOST",
    "cannot open /dev/net/tun: no such file or directory: modprobe tun",
  ],
  [
    "Vsock config error: Cannot create backend for vsock device: Error binding to the host-side Unix socket: Address in use (os error 98)",
    "HOST",
    "the vsock socket /run/v exists already",
  ],
  [
    "Vsock config error: Cannot create backend for vsock device: Error binding to the host-side Unix socket: Permission denied (os error 13)",
    "HOST",
    "cannot make the vsock socket /run/v: permission denied",
  ],
  ["I8042 error: i8042 internal buffer full.", "BAD_STATE", "has not read the key presses"],
  [
    `${STATE_FILE}Invalid data version: 8.0.0`,
    "UNSUPPORTED",
    "snapshot /s was not made by a Firecracker like this one (1.16.1)",
  ],
  [
    `${STATE_FILE}Magic value does not match arch: 1`,
    "UNSUPPORTED",
    "not made by a Firecracker like this one",
  ],
  [`${STATE_FILE}CRC64 validation failed`, "DAMAGED", "the snapshot /s is damaged"],
  [`${STATE_FILE}IO Error: File too short to contain CRC`, "DAMAGED", "the snapshot /s is damaged"],
  [
    `${LOAD}Failed to get snapshot state from file: Unknown Vsock Device.`,
    "BAD_CONFIG",
    "the snapshot /s has no Vsock device",
  ],
  [
    `${LOAD}Failed to load guest memory: Error creating guest memory from file: Failed to load guest memory: Permission denied (os error 13)`,
    "HOST",
    "cannot read the snapshot's memory: permission denied",
  ],
  [
    "Create snapshot error: Cannot perform open on the memory backing file: No space left on device (os error 28)",
    "HOST",
    "cannot write the snapshot /s: no space left on device",
  ],
  ["The MMDS patch request doesn't fit.", "BAD_CONFIG", "takes no request of that size"],
  ["The MMDS data store is not initialized.", "BAD_STATE", "no metadata that could be changed"],
  ["Something nobody has seen yet.", "VMM", "Firecracker refused PUT /x: Something nobody has seen yet."],
])("%s", (fault, code, message) => {
  const body = { host_dev_name: "tap0", uds_path: "/run/v", snapshot_path: "/s" };
  const answer = { status: 400, body: JSON.stringify({ fault_message: fault }) };
  const error = faultError(answer, { request: "PUT /x", body, version: "1.16.1" });
  expect(error.message).toContain(message);
  expect(error).toMatchObject({ code, request: "PUT /x", phase: "PUT /x", status: 400, said: fault });
  expect(error.log).toBe(`Firecracker said: ${fault}`);
});

describe("faultText reads", () => {
  test.each([
    ["the API's shape", '{"fault_message":"a \\"b\\""}', 'a "b"'],
    ["the server's shape, which is no JSON", '{ "error": "a\nb "c"." }', 'a\nb "c".'],
    [
      "the server's shape where it is JSON",
      '{ "error": "Too many open connections" }',
      "Too many open connections",
    ],
    ["bare text", "Broken pipe (os error 32)", "Broken pipe (os error 32)"],
    ["nothing", "", ""],
    ["JSON that is no fault", "[1]", "[1]"],
    ["JSON that is null", "null", "null"],
    ["a fault that is no string", '{"fault_message":7}', '{"fault_message":7}'],
  ])("%s", (_, body, text) => {
    expect(faultText(body)).toBe(text);
  });
});

test("an answer without words says its status, and endless words are cut", () => {
  const context = { request: "GET /", body: undefined, version: "1.16.1" };
  expect(faultError({ status: 500, body: "" }, context).message).toBe(
    "Firecracker refused GET /: status 500",
  );
  const { said, log } = faultError({ status: 500, body: "x".repeat(100_000) }, context);
  expect(said).toHaveLength(2000);
  expect(log?.length).toBeLessThan(2100);
});
