import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { collected } from "./garbage.ts";
import { clear, killAt, named, points, type Subject } from "./kill-rig.ts";
import { Runtime } from "./runtime.ts";
import { findVictim, within, processesOf } from "./victims.ts";

/** A `vm-start` that was not killed leaves the VM as it was. */
const START = [
  ...points("start shadow, monitor and VM", { cli: "created" }),
  ...points("launcher: holder reported", { halted: "created", holder: "created", cli: "stopped" }),
  ...points("boot until the agent's hello", {
    cli: "stopped",
    QEMU: "created",
    holder: "created",
    halted: "created",
  }),
];

const STOP = [
  ...points("ask for the end of the VM", { cli: "running" }),
  ...points("shut the guest down", { cli: "stopped", QEMU: "stopped", halted: "stopped" }),
];

let runtime: Runtime;
let id: string;
let subject: Subject;

beforeAll(() => {
  runtime = new Runtime();
  id = runtime.id();
  subject = {
    runtime,
    status: statusNow,
    ended: ["created", "stopped"],
    remove: ["vm-delete", "--force", id],
  };
});

afterEach(() => clear(subject));

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

async function statusNow(): Promise<string> {
  const { status } = JSON.parse(await runtime.ok(["vm-state", "--format", "json", id])) as { status: string };
  return status;
}

describe("vm-start", () => {
  it.each(named(START))("%s", async (_name, point) => {
    await runtime.ok(["vm-create", id]);
    await killAt(subject, point, ["vm-start", id]);
  });
});

describe("vm-stop", () => {
  it.each(named(STOP))("%s", async (_name, point) => {
    await runtime.ok(["vm-create", id]);
    const ofMonitor = point.step === "shut the guest down";
    await runtime.detached(["vm-start", id], ofMonitor ? { NK_HALT_AT: point.step } : {});
    await killAt(subject, point, ["vm-stop", id]);
  });
});

it("keeps a VM whose monitor was killed, and the containers that stopped before", async () => {
  const { dir } = await runtime.bundle({ args: ["sleep", "1000000"] });
  const [stopped, lost] = [runtime.id(), runtime.id()];
  await runtime.ok(["vm-create", id]);
  await runtime.detached(["vm-start", id]);
  const short = await runtime.bundle({ args: ["true"] });
  await runtime.ok(["run", "--keep", "--vm", id, "--bundle", short.dir, stopped]);
  await runtime.detached(["run", "-d", "--vm", id, "--bundle", dir, lost]);
  const status = async (of: string): Promise<string> => (await runtime.ok(["state", "--short", of])).trim();
  expect(await status(stopped)).toBe("stopped (vm)");

  process.kill(await findVictim(runtime.root, "monitor"), "SIGKILL");
  await within(30_000, () => processesOf(runtime.root).length === 0 || undefined);
  expect(await status(lost)).toBe("stopped (vm)");
  const reason = expect.stringMatching(/monitor.*killed/) as string;
  expect(await collected(runtime)).toEqual([
    { kind: "remains", name: id, reason, removed: true },
    { kind: "container", name: lost, reason, removed: true },
  ]);
  expect(await status(stopped)).toBe("stopped (vm)");
  await runtime.ok(["delete", stopped]);
  expect(await statusNow()).toBe("stopped");
  await runtime.detached(["vm-start", id]);
  expect(await statusNow()).toBe("running");
});
