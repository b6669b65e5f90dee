import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { MachineRecord } from "../../src/state/machine-record.ts";
import { Runtime } from "../vm/runtime.ts";
import { Readings } from "./readings.ts";

const CYCLES = 500;
const WARM_UP = 200;
const LOOK_EVERY = 50;

let runtime: Runtime;
let vm: string;

beforeEach(async () => {
  runtime = new Runtime();
  vm = runtime.id();
  await runtime.ok(["vm-create", vm]);
  await runtime.detached(["vm-start", vm]);
});

afterEach(async () => {
  await runtime.call(["vm-delete", "--force", vm]);
  expect(await runtime.close()).toEqual([]);
});

/** Everything stays but the containers: what one of them leaves in monitor, server, QEMU or guest is there at the end. */
it(`costs no more after ${CYCLES} containers, one after the other, in one VM`, async () => {
  const { dir } = await runtime.bundle({ args: ["sleep", "1000000"] });
  const record = JSON.parse(readFileSync(join(runtime.root, vm, "vm.json"), "utf8")) as MachineRecord;
  const readings = new Readings("machine-cycles", WARM_UP);
  for (let count = 1; count <= CYCLES; count += 1) {
    const id = runtime.id();
    await runtime.detached(["create", "--vm", vm, "--bundle", dir, id]);
    await runtime.ok(["start", id]);
    if (count % LOOK_EVERY === 0) {
      readings.take(count, record, await runtime.ok(["exec", id, "cat", "/proc/meminfo"]));
      // One of a container that is there, and the mount points that every shadow's tree has.
      expect(
        readdirSync(join(runtime.root, vm, "tree")).filter((name) => name.startsWith("c-")),
      ).toHaveLength(1);
    }
    await runtime.ok(["delete", "--force", id]);
  }
  readings.expectFlat();
});
