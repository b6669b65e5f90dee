import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { residue } from "./residue.ts";
import { Runtime } from "./runtime.ts";
import { findVictim, processesOf, within } from "./victims.ts";

/** How long the monitor may take to notice and to release everything; the truth is there earlier. */
const END_TIMEOUT_MS = 20_000;

/** In the guest's own pid namespace, and allowed everything: what it breaks is the guest. */
const PRIVILEGED = {
  capabilities: ["CAP_SYS_BOOT", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_KILL"],
  linux: {
    namespaces: ["mount", "ipc", "uts", "network"].map((type) => ({ type })),
    maskedPaths: [],
    readonlyPaths: [],
  },
};

/** Overwrites the code of the guest's first process, the agent, while it sleeps. */
const BREAK_AGENT = [
  "range=$(grep -m1 r-xp /proc/1/maps | cut -d' ' -f1)",
  "start=$((0x${range%-*} / 4096))",
  "end=$((0x${range#*-} / 4096))",
  "dd if=/dev/zero of=/proc/1/mem bs=4096 seek=$start count=$((end - start)) conv=notrunc",
].join("\n");

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

interface State {
  status: string;
  exitStatus?: number;
  error?: { code: string; message: string; log?: string };
}

async function stateOf(id: string): Promise<State> {
  return JSON.parse(await runtime.ok(["state", id])) as State;
}

describe("a guest that ends by", () => {
  it.each([
    ["a crash of its kernel", "echo c >/proc/sysrq-trigger", /panic/i],
    ["a reboot", "echo b >/proc/sysrq-trigger", /restarted itself/],
    ["a power-off", "echo o >/proc/sysrq-trigger; sleep 100", /switched itself off/],
    ["reboot -f", "reboot -f", /restarted itself/],
    ["a crash of its agent", BREAK_AGENT, /panic/i],
  ])("%s is stopped, says so, and leaves nothing", async (_name, script, message) => {
    const id = await runtime.background(PRIVILEGED);
    const exec = await runtime.call(["exec", id, "sh", "-c", script]);
    expect(exec.code).not.toBe(0);
    await within(END_TIMEOUT_MS, () => processesOf(runtime.root).length === 0 || undefined);
    const { status, exitStatus, error } = await stateOf(id);
    expect({ status, exitStatus, code: error?.code }).toEqual({
      status: "stopped",
      exitStatus: 137,
      code: "VMM",
    });
    expect(error?.message).toMatch(message);
    expect((await runtime.call(["start", id])).stderr).toContain(error?.message);
    expect(await runtime.call(["delete", id])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(residue(runtime.traces())).toEqual([]);
  });
});

describe("a guest that hangs", () => {
  it("costs each command a deadline, and is removed by force", async () => {
    const { dir } = await runtime.bundle({ args: ["sleep", "1000000"] });
    const id = runtime.id();
    // Its monitor has a fifth of the usual time for all it waits for.
    await runtime.detached(["run", "-d", "--mode=vm", "--bundle", dir, id], { NK_TIMEOUT_SCALE: "0.2" });
    process.kill(await findVictim(runtime.root, "QEMU"), "SIGSTOP");
    expect((await stateOf(id)).status).toBe("running");
    const kill = await runtime.call(["kill", id]);
    expect(kill.code).toBe(1);
    expect(kill.stderr).toMatch(/answer to "kill" did not come[^]*delete --force/);
    expect(await runtime.call(["delete", "--force", id])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(residue(runtime.traces())).toEqual([]);
  });

  it("is removed by force though its monitor hangs as well", { timeout: 60_000 }, async () => {
    const id = await runtime.background();
    for (const victim of ["QEMU", "monitor"] as const)
      process.kill(await findVictim(runtime.root, victim), "SIGSTOP");
    expect(await runtime.call(["delete", "--force", id])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(residue(runtime.traces())).toEqual([]);
  });
});
