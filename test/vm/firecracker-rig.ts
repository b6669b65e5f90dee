// The whole command line on the real guest, with Firecracker's stand-in as VMM: its engine is QEMU.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import { buildVsockDevice, FAKE_FIRECRACKER } from "../fixtures/fake-firecracker.ts";
import { Runtime } from "./runtime.ts";

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

/** Anew for each test, as is a folder that has its disks. */
export let runtime: Runtime;
export let folder: string;

/** To be called once by each file whose tests have them. */
export function useRuntimeOnStandIn(): void {
  beforeAll(() => useStandIn());

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "nk-fcv-"));
    process.env["NK_DISK_CACHE"] = join(folder, "cache");
    runtime = new Runtime(FIRECRACKER);
  });

  afterEach(async () => {
    expect(await runtime.close()).toEqual([]);
    delete process.env["NK_DISK_CACHE"];
    rmSync(folder, { recursive: true });
  });
}
