import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { HAS_KVM } from "../fixtures/fake-firecracker.ts";
import { FIRECRACKER, useStandIn } from "./firecracker-rig.ts";
import { clear, killAt, named, points, type Subject } from "./kill-rig.ts";
import { Runtime } from "./runtime.ts";

/** The steps that a jailed Firecracker has and QEMU has not: its jail and its user must not outlive anybody. */
const CREATE = [
  ...points("start the VMM", { halted: "none", shadow: "none" }),
  ...points("make the VM", { Firecracker: "none", halted: "none" }),
  ...points("boot until the agent's hello", { Firecracker: "none", halted: "none", shadow: "none" }),
  ...points("create the container", { Firecracker: "none", halted: "none" }),
];

const DELETE = points("shut the guest down", { Firecracker: "none", halted: "none" });

let cache: string;
let runtime: Runtime;
let bundle: string;
/** One id for all: each is also the proof that the jail before left it free. */
let id: string;
let subject: Subject;

beforeAll(async () => {
  useStandIn();
  cache = mkdtempSync(join(tmpdir(), "nk-disks-"));
  process.env["NK_DISK_CACHE"] = cache;
  runtime = new Runtime(FIRECRACKER);
  bundle = (await runtime.bundle({ args: ["sleep", "1000000"] })).dir;
  id = runtime.id();
  subject = { runtime, status: statusNow, ended: ["stopped", "none"], remove: ["delete", "--force", id] };
  if (!HAS_KVM) return;
  // With its disk made, the rows are at their steps at once.
  await runtime.detached(make("create"));
  await runtime.ok(["delete", "--force", id]);
});

afterEach(() => clear(subject));

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
  delete process.env["NK_DISK_CACHE"];
  rmSync(cache, { recursive: true });
});

const make = (verb: string): string[] => [
  verb,
  "--mode=vm",
  FIRECRACKER,
  "--vm-jailer=on",
  "--bundle",
  bundle,
  id,
];

async function statusNow(): Promise<string> {
  const { code, stdout, stderr } = await runtime.call(["state", id]);
  if (code !== 0 && stderr.includes("does not exist")) return "none";
  return (JSON.parse(stdout) as { status: string }).status;
}

describe.runIf(HAS_KVM)("create", () => {
  it.each(named(CREATE))("%s", (_name, point) => killAt(subject, point, make("create")));
});

describe.runIf(HAS_KVM)("delete", () => {
  it.each(named(DELETE))("%s", async (_name, point) => {
    const child = runtime.spawn(make("create"), { NK_HALT_AT: point.step });
    for (const stream of [child.stdout, child.stderr]) stream?.resume();
    await new Promise((resolve) => child.once("exit", resolve));
    await killAt(subject, point, ["delete", "--force", id]);
  });
});
