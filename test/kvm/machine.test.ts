import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pausesAndGoesOn, shareKernelOnly, started } from "../vm/machine-checks.ts";
import { Runtime } from "../vm/runtime.ts";
import { VMMS } from "./matrix.ts";

/** A VM made by hand, on each VMM. */
describe.each(VMMS)("%s", (_title, vmm) => {
  let runtime: Runtime;
  let id: string;

  beforeEach(() => {
    runtime = new Runtime(...vmm.flags);
    id = runtime.id();
  });

  afterEach(async () => {
    await runtime.call(["vm-delete", "--force", id]);
    expect(await runtime.close()).toEqual([]);
  });

  it("holds two containers, is paused, goes on and stops", async () => {
    await started(runtime, id);
    await shareKernelOnly(runtime, id);
    if (vmm.pauses) await pausesAndGoesOn(runtime, id);
    else expect((await runtime.call(["vm-pause", id])).stderr).toContain("loses the connection to the guest");
    expect(await runtime.ok(["vm-stats", id])).toMatch(/memory/i);
    await runtime.ok(["vm-stop", id]);
    expect(await runtime.ok(["vm-state", id])).toBe("stopped\n");
  });
});
