import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { clear, killAt, named, points, type Subject } from "./kill-rig.ts";
import { Runtime } from "./runtime.ts";

/** A command that was not killed cleans up after what was, so that there is no container; otherwise it is there, and stopped. */
const CREATE = [
  ...points("read the bundle", { cli: "none" }),
  ...points("settle mode and size", { cli: "none" }),
  ...points("all of it, from shadow and monitor on", { cli: "stopped" }),
  ...points("shadow: namespaces made", { cli: "stopped", launcher: "none", shadow: "none" }),
  ...points("shadow: prepared", { cli: "stopped", launcher: "none", shadow: "none" }),
  ...points("launcher: shadow prepared", { cli: "stopped", halted: "none", shadow: "none" }),
  ...points("launcher: shadow reported", { cli: "stopped", halted: "none", shadow: "none" }),
  ...points("monitor: before its program", { cli: "stopped", launcher: "none", halted: "none" }),
  ...points("launcher: monitor started", { cli: "stopped", halted: "none", monitor: "none" }),
  ...points("find the guest image", { cli: "stopped", shadow: "none", halted: "none" }),
  ...points("start virtiofsd", { halted: "none" }),
  ...points("daemon: before its program", { halted: "none", monitor: "none" }),
  ...points("confined: before its program", { halted: "none", monitor: "none" }),
  ...points("start the VMM", { virtiofsd: "none", halted: "none" }),
  ...points("boot until the agent's hello", {
    cli: "stopped",
    QEMU: "none",
    virtiofsd: "none",
    shadow: "none",
  }),
  ...points("configure the guest", { QEMU: "none", halted: "none" }),
  ...points("mount the container's tree", { virtiofsd: "none" }),
  ...points("create the container", { cli: "stopped", QEMU: "none", shadow: "none", halted: "none" }),
];

const START = [
  ...points("ask the monitor", { cli: "created", monitor: "stopped", shadow: "stopped" }),
  ...points("start the container", {
    cli: "running",
    QEMU: "stopped",
    virtiofsd: "stopped",
    halted: "stopped",
  }),
];

const RUN = points("start the container", { cli: "stopped", launcher: "running", shadow: "none" });

const EXEC = [
  ...points("start a shadow for the command", { cli: "running", monitor: "stopped" }),
  ...points("shadow: namespaces made", { launcher: "running", "exec shadow": "running" }),
  ...points("launcher: command started", { cli: "running", halted: "running", "exec shadow": "running" }),
  ...points("exec exec-1", { cli: "running", QEMU: "stopped", halted: "stopped", shadow: "stopped" }),
];

const DELETE = [
  ...points("end container and VM", { cli: "running", monitor: "none", QEMU: "none" }),
  ...points("shut the guest down", { cli: "stopped", QEMU: "none", halted: "none" }),
  ...points("end the VM", { halted: "none" }),
];

/** Steps of the monitor, which gets its environment from the command that started it. */
const OF_MONITOR = ["start the container", "exec exec-1", "shut the guest down", "end the VM"];

let runtime: Runtime;
let bundle: string;
/** One id for all: each container is also the proof that the one before left it free. */
let id: string;
let subject: Subject;

beforeAll(async () => {
  runtime = new Runtime();
  bundle = (await runtime.bundle({ args: ["sleep", "1000000"] })).dir;
  id = runtime.id();
  subject = { runtime, status: statusNow, ended: ["stopped", "none"], remove: ["delete", "--force", id] };
});

afterAll(async () => {
  const last = await runtime.call([
    "run",
    "--mode=vm",
    "--bundle",
    (await runtime.bundle({ args: ["true"] })).dir,
    id,
  ]);
  expect({ code: last.code, stderr: last.stderr }).toEqual({ code: 0, stderr: "" });
  expect(await runtime.close()).toEqual([]);
});

afterEach(() => clear(subject));

const make = (verb: string, ...flags: string[]): string[] => [
  verb,
  "--mode=vm",
  ...flags,
  "--bundle",
  bundle,
  id,
];

async function statusNow(): Promise<string> {
  const { code, stdout, stderr } = await runtime.call(["state", id]);
  if (code !== 0 && stderr.includes("does not exist")) return "none";
  const { status, error } = JSON.parse(stdout) as { status: string; error?: { message: string } };
  if (error !== undefined) expect(error.message).not.toBe("");
  return status;
}

describe("create", () => {
  it.each(named(CREATE))("%s", (_name, point) => killAt(subject, point, make("create")));
});

describe("run", () => {
  it.each(named(RUN))("%s", (_name, point) => killAt(subject, point, make("run")));
});

describe.each([
  ["start", START, () => make("create"), () => ["start", id]],
  ["exec", EXEC, () => make("run", "-d"), () => ["exec", id, "sleep", "1000000"]],
  ["delete", DELETE, () => make("run", "-d"), () => ["delete", "--force", id]],
] as const)("%s", (_name, table, before, args) => {
  it.each(named(table))("%s", async (_point, point) => {
    await runtime.detached(before(), OF_MONITOR.includes(point.step) ? { NK_HALT_AT: point.step } : {});
    await killAt(subject, point, args());
  });
});
