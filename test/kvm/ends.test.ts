import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AGENT_CRASH, CRASH, endsWith, isNoticed, REBOOT } from "../vm/guest-ends.ts";
import { killsWhoEatsMemory } from "../vm/life.ts";
import { residue } from "../vm/residue.ts";
import { Runtime } from "../vm/runtime.ts";
import { flagsOf, VMMS } from "./matrix.ts";

/** VMs that end otherwise than by their container's end, on each VMM. */
describe.each(VMMS)("%s", (_title, vmm) => {
  let runtime: Runtime;

  beforeEach(() => {
    runtime = new Runtime(...flagsOf(vmm));
  });

  afterEach(async () => {
    expect(await runtime.close()).toEqual([]);
  });

  it.each([CRASH, REBOOT, AGENT_CRASH])("notices %s, says so, and leaves nothing", async (...end) =>
    isNoticed(runtime, end),
  );

  it("that is killed is noticed", async () => {
    const id = await runtime.background();
    process.kill(runtime.record(id).vm?.vmmPid ?? 0, "SIGKILL");
    await endsWith(runtime, id, /SIGKILL/);
  });

  it("that hangs is removed by force", async () => {
    const id = await runtime.background();
    process.kill(runtime.record(id).vm?.vmmPid ?? 0, "SIGSTOP");
    expect(await runtime.call(["delete", "--force", id])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(residue(runtime.traces())).toEqual([]);
  });

  it("kills who eats more memory than the limit, and says so", () => killsWhoEatsMemory(runtime));
});
