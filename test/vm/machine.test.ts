import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inside, pausesAndGoesOn, shareKernelOnly, showsItself, started } from "./machine-checks.ts";
import { Runtime } from "./runtime.ts";
import { hasEnded, within } from "./victims.ts";

/** A VM made by hand, and containers in it. */
let runtime: Runtime;
let vm: string;

beforeEach(() => {
  runtime = new Runtime();
  vm = runtime.id();
});

afterEach(async () => {
  await runtime.call(["vm-delete", "--force", vm]);
  expect(await runtime.close()).toEqual([]);
});

describe("containers in one VM", () => {
  it("share its kernel and nothing else", async () => {
    await started(runtime, vm);
    await shareKernelOnly(runtime, vm);
  });

  it("go through streams, statuses and words as in a VM of their own", async () => {
    await started(runtime, vm);
    const run = async (args: string[], stdin = "") => {
      const { dir } = await runtime.bundle({ args });
      return runtime.call(["run", "--vm", vm, "--bundle", dir, runtime.id()], { stdin: Buffer.from(stdin) });
    };
    expect(await run(["sh", "-c", "cat; echo err >&2; exit 7"], "in\n")).toEqual({
      code: 7,
      stdout: "in\n",
      stderr: "err\n",
    });
    const failed = await run(["/no/such"]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('exec: "/no/such": stat /no/such: no such file or directory');
    expect(await runtime.ok(["list", "-q"])).toBe("");
  });

  it("end with the VM, which can be started again", async () => {
    await started(runtime, vm);
    const { id } = await inside(runtime, vm);
    expect((await runtime.call(["vm-delete", vm])).stderr).toContain("vm-stop it first");
    await runtime.ok(["vm-stop", vm]);
    expect(await runtime.ok(["state", "--short", id])).toBe("stopped (vm)\n");
    expect((await runtime.call(["vm-delete", vm])).stderr).toContain(`still has the containers ${id}`);
    await runtime.ok(["delete", id]);
    await runtime.detached(["vm-start", vm]);
    const second = await inside(runtime, vm);
    expect(await runtime.ok(["exec", second.id, "echo", "again"])).toBe("again\n");
    await runtime.ok(["vm-delete", "--force", vm]);
    expect(await runtime.ok(["list", "-q"])).toBe("");
  });
});

describe("the VM", () => {
  it("is paused and goes on", async () => {
    await started(runtime, vm);
    await pausesAndGoesOn(runtime, vm);
  });

  it("shows its console, its cost, and what its agent says", async () => {
    await started(runtime, vm, "--vm-memory=256");
    // QEMU counts neither vsock nor, in software, exits; the VM has no disk.
    await showsItself(runtime, vm, { disks: [] });
  });

  it("is listed beside those of containers", async () => {
    await runtime.ok(["vm-create", vm]);
    expect((await runtime.call(["vm-console", vm])).stderr).toContain("has not run yet");
    expect((await runtime.call(["vm-stats", vm])).stderr).toContain(`vm-start ${vm}" starts it`);
    const own = await runtime.background();
    const rows = JSON.parse(await runtime.ok(["vm-list", "--format", "json"])) as object[];
    expect(rows).toMatchObject([
      { id: vm, status: "created", madeBy: "vm-create", containers: [] },
      { id: own, status: "running", madeBy: "container", containers: [{ id: own, status: "running" }] },
    ]);
    expect((await runtime.call(["vm-pause", own])).stderr).toContain("is a container");
    await runtime.ok(["vm-stop", own]);
    expect(await runtime.ok(["state", "--short", own])).toBe("stopped (vm)\n");
  });

  it("that has lost its monitor says so, and starts again", async () => {
    await started(runtime, vm);
    const { id } = await inside(runtime, vm);
    const { vm: parts } = JSON.parse(await runtime.ok(["vm-state", "--format", "json", vm])) as {
      vm: { monitorPid: number };
    };
    process.kill(parts.monitorPid, "SIGKILL");
    await within(30_000, () => hasEnded(parts.monitorPid) || undefined);
    expect(await runtime.ok(["state", "--short", id])).toBe("stopped (vm)\n");
    const state = JSON.parse(await runtime.ok(["vm-state", "--format", "json", vm])) as object;
    expect(state).toMatchObject({ status: "stopped", error: { code: "VMM" } });
    await runtime.ok(["delete", "--force", id]);
    await runtime.detached(["vm-start", vm]);
    expect(await runtime.ok(["vm-state", vm])).toBe("running\n");
  });
});
