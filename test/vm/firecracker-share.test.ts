import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { closedKvm } from "../../src/vm/accel.ts";
import { buildVsockDevice, FAKE_FIRECRACKER } from "../fixtures/fake-firecracker.ts";
import { Runtime } from "./runtime.ts";
import { processesOf, within } from "./victims.ts";

/** The real guest behind the stand-in, with its root file system from diod: whose end it is when Firecracker ends. */
const END_TIMEOUT_MS = 30_000;

const runtime = new Runtime("--vm-vmm=firecracker", "--vm-share=9p");

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

interface State {
  error?: { message: string };
}

it.skipIf(closedKvm() !== undefined)(
  "a Firecracker that was killed is told as such, not as the end of its share",
  async () => {
    buildVsockDevice();
    process.env["NK_FIRECRACKER"] ??= FAKE_FIRECRACKER;
    process.env["NK_FAKE_FC_GUEST"] = "qemu";
    const id = await runtime.background();
    const { vm } = JSON.parse(readFileSync(join(runtime.root, id, "state.json"), "utf8")) as {
      vm: { vmmPid: number };
    };
    process.kill(vm.vmmPid, "SIGKILL");
    await within(END_TIMEOUT_MS, () => processesOf(runtime.root).length === 0 || undefined);
    const stopped = JSON.parse(await runtime.ok(["state", id])) as State;
    expect(stopped.error?.message).toBe(
      "the VM ended: Firecracker was killed by SIGKILL, and nobody had asked it to end",
    );
  },
);
