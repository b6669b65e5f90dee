import { afterEach, beforeEach, expect, it } from "vitest";
import type { ContainerRecord } from "../state/record.ts";
import { warnings } from "../trace/channels.ts";
import { changeForVm } from "./vm-update.ts";

const MIB = 1024 * 1024;
const container = { id: "c1", vm: { memSizeMib: 512 } } as ContainerRecord;

let said: unknown[];
const hear = (text: unknown): void => void said.push(text);
beforeEach(() => {
  said = [];
  warnings.subscribe(hear);
});
afterEach(() => warnings.unsubscribe(hear));

it.each([1, 512 * MIB, -1, 2n ** 63n - 1n])("lets a VM of 512 MiB have a limit of %s bytes", (limit) => {
  const change = { memory: { limit } };
  expect(changeForVm(container, { change, rdt: [] })).toBe(change);
  expect(said).toEqual([]);
});

it("refuses a limit above the VM's memory, and says what can be had", () => {
  const change = { memory: { limit: 513 * MIB } };
  expect(() => changeForVm(container, { change, rdt: [] })).toThrow(
    /memory limit of 513 MiB: the container's VM has 512 MiB.*at most 512 MiB/,
  );
});

it("warns of what holds nowhere, and refuses what is the host's CPU's", () => {
  const change = { cpu: { cpus: "0", realtimeRuntime: 1 } };
  changeForVm(container, { change, rdt: [] });
  const notHeldTo = "not held to for a container in a VM";
  const lines = [expect.stringContaining(`linux.resources.cpu.realtimeRuntime: ${notHeldTo}`)];
  expect(said.splice(0)).toEqual(lines);
  const inPod = { ...container, vm: { ...container.vm, sandbox: "pod" } } as ContainerRecord;
  changeForVm(inPod, { change, rdt: [] });
  expect(said).toEqual([
    ...lines,
    expect.stringContaining(`linux.resources.cpu.cpus: ${notHeldTo} that others`),
  ]);
  expect(() => changeForVm(container, { change: {}, rdt: ["--mem-bw-schema", "x"] })).toThrow(
    "--mode=container",
  );
});
