import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clear, killAt, named, rows, type Point, type Rows, type Subject } from "./kill-rig.ts";
import { NetworkRig } from "./network-rig.ts";

/** Of the monitor while it makes the network of a container: whoever is killed, `delete --force` leaves nothing of it. */
const TAP = [
  rows("make the bridge", { halted: "none", cli: "stopped" }, { QEMU: "none" }),
  rows("set the rules of the bridge", { halted: "none" }, { cli: "stopped" }),
  rows("move the tap to the host", { halted: "none", QEMU: "none" }, { cli: "stopped" }),
  rows("plug the tap into the bridge", { halted: "none", cli: "stopped" }, { QEMU: "none" }),
  rows("configure the guest's network", { halted: "none", QEMU: "none" }, { cli: "stopped" }),
];

/** Of the monitor while it takes it back: the container has ended. */
const END = [rows("remove the bridge", { halted: "stopped" })];

let rig: NetworkRig;
let before: string;
let subject: Subject;
let bundle: string;
let id: string;

beforeAll(async () => {
  rig = await NetworkRig.make();
  before = await rig.hostState();
  bundle = (await rig.runtime.bundle({ args: ["sleep", "1000000"] })).dir;
  id = rig.runtime.id();
  subject = {
    runtime: rig.runtime,
    status,
    ended: ["stopped", "none"],
    remove: ["delete", "--force", id],
    last: async () => expect(await rig.hostState()).toBe(before),
  };
});

afterAll(() => rig[Symbol.asyncDispose]());

async function status(): Promise<string> {
  const { code, stdout } = await rig.runtime.call(["state", id]);
  return code === 0 ? (JSON.parse(stdout) as { status: string }).status : "none";
}

const chosen = (table: readonly Rows[]): [string, Point][] =>
  named(table.flatMap(({ usual, more }) => [...usual, ...more]));

describe("create", () => {
  it.each(chosen(TAP))("%s", async (_name, point) => {
    try {
      await killAt(subject, point, ["create", "--mode=vm", "--bundle", bundle, id]);
    } finally {
      await clear(subject);
    }
  });
});

describe("the end", () => {
  it.each(chosen(END))("%s", async (_name, point) => {
    await rig.runtime.detached(["run", "-d", "--mode=vm", "--bundle", bundle, id], {
      NK_HALT_AT: point.step,
    });
    try {
      await killAt(subject, point, ["kill", id, "KILL"]);
    } finally {
      await clear(subject);
    }
  });
});
