import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { residue } from "./residue.ts";
import { Runtime } from "./runtime.ts";
import { AGENT_CRASH, CRASH, FORCED_REBOOT, isNoticed, POWER_OFF, REBOOT } from "./guest-ends.ts";
import { findVictim } from "./victims.ts";
import { scaled } from "../fixtures/scaled.ts";

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

describe("a guest that ends by", () => {
  it.each([CRASH, REBOOT, POWER_OFF, FORCED_REBOOT, AGENT_CRASH])(
    "%s is stopped, says so, and leaves nothing",
    async (...end) => isNoticed(runtime, end),
  );
});

describe("a guest that hangs", () => {
  it("costs each command a deadline, and is removed by force", async () => {
    const { dir } = await runtime.bundle({ args: ["sleep", "1000000"] });
    const id = runtime.id();
    // Its monitor has a fifth of the usual time for all it waits for.
    await runtime.detached(["run", "-d", "--mode=vm", "--bundle", dir, id], { NK_TIMEOUT_SCALE: "0.2" });
    process.kill(await findVictim(runtime.root, "QEMU"), "SIGSTOP");
    expect(JSON.parse(await runtime.ok(["state", id]))).toMatchObject({ status: "running" });
    const kill = await runtime.call(["kill", id]);
    expect(kill.code).toBe(1);
    expect(kill.stderr).toMatch(/answer to "kill" did not come[^]*delete --force/);
    expect(await runtime.call(["delete", "--force", id])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(residue(runtime.traces())).toEqual([]);
  });

  it("is removed by force though its monitor hangs as well", { timeout: scaled(60_000) }, async () => {
    const id = await runtime.background();
    for (const victim of ["QEMU", "monitor"] as const)
      process.kill(await findVictim(runtime.root, victim), "SIGSTOP");
    expect(await runtime.call(["delete", "--force", id])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(residue(runtime.traces())).toEqual([]);
  });
});
