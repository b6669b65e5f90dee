// The whole command line on the real guest, with Firecracker's stand-in as VMM: its engine is QEMU.
import { vi } from "vitest";
import { buildVsockDevice, FAKE_FIRECRACKER } from "../fixtures/fake-firecracker.ts";

export const FIRECRACKER = "--vm-vmm=firecracker";

/** 1.16.2 is the first release of its line that can pause a VM with a vsock. */
const ENVIRONMENT = {
  NK_FIRECRACKER: FAKE_FIRECRACKER,
  NK_FAKE_FC_GUEST: "qemu",
  NK_FAKE_FC_VERSION: "1.16.2",
};

/** For all commands until the returned function is called. */
export function useStandIn(): () => void {
  buildVsockDevice();
  for (const [name, value] of Object.entries(ENVIRONMENT)) vi.stubEnv(name, value);
  return () => void vi.unstubAllEnvs();
}
