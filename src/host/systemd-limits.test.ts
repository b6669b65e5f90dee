import { afterEach, beforeEach, expect, it } from "vitest";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { warnings } from "../trace/channels.ts";
import type { Hierarchy } from "./cgroup.ts";
import { cpuOrders, memoryProperties, placementOrders } from "./systemd-limits.ts";

let dir: string;
let said: unknown[];
const listen = (text: unknown): void => void said.push(text);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-scope-"));
  said = [];
  warnings.subscribe(listen);
});
afterEach(() => {
  warnings.unsubscribe(listen);
  rmSync(dir, { recursive: true });
});

const UNIT = "cri-x.scope";
const folders = (): { made: string[]; joined: string[] } => ({
  made: [join(dir, "a.slice", UNIT)],
  joined: [],
});

function hierarchy(version: 1 | 2, controllers: string): Hierarchy {
  mkdirSync(join(dir, "a.slice"), { recursive: true });
  for (const folder of [dir, join(dir, "a.slice")])
    for (const file of ["cgroup.controllers", "cgroup.subtree_control"])
      writeFileSync(join(folder, file), version === 2 ? controllers : "");
  return { mountPoint: dir, version, controllers: version === 1 ? controllers.split(" ") : [] };
}

it.each([
  [2, ["CPUQuota=60%", "CPUQuotaPeriodSec=100000us", "CPUWeight=20"]],
  [1, ["CPUQuota=60%", "CPUQuotaPeriodSec=100000us", "CPUShares=512"]],
] as const)("has systemd's words for limits, with version %d", (version, properties) => {
  const limits = { cpu: { quotaUs: 50_000, periodUs: 100_000, shares: 512 } };
  expect(cpuOrders(limits, UNIT, folders(), [hierarchy(version, "cpu memory")])).toEqual([
    { unit: UNIT, properties },
  ]);
  expect(said).toEqual([]);
});

it("asks for no less than the quota when a percentage has no end", () => {
  const limits = { cpu: { quotaUs: 1000, periodUs: 30_000, shares: undefined } };
  const [order] = cpuOrders(limits, UNIT, folders(), [hierarchy(2, "cpu")]);
  // (1000 + 3000) / 30000 is 13.333… %
  expect(order).toEqual({ unit: UNIT, properties: ["CPUQuota=13.34%", "CPUQuotaPeriodSec=30000us"] });
});

it("takes a quota away", () => {
  const limits = { cpu: { quotaUs: -1, periodUs: 30_000, shares: undefined } };
  const [order] = cpuOrders(limits, UNIT, folders(), [hierarchy(2, "cpu")]);
  expect(order).toEqual({ unit: UNIT, properties: ["CPUQuota=", "CPUQuotaPeriodSec=30000us"] });
});

it("says which limit systemd cannot hold on this host", () => {
  const limits = { memoryBytes: 1, cpu: { quotaUs: undefined, periodUs: 1, shares: 2 } };
  expect(memoryProperties(limits)).toEqual(["MemoryMax=1"]);
  expect(cpuOrders(limits, UNIT, folders(), [hierarchy(1, "pids")])).toEqual([]);
  expect(said).toEqual([
    expect.stringMatching(/^linux\.resources\.memory holds in the guest only/),
    expect.stringMatching(/^linux\.resources\.cpu holds in the guest only/),
  ]);
});

it("asks for nothing where config.json has no limits", () => {
  expect([memoryProperties({}), cpuOrders({}, UNIT, folders(), [])]).toEqual([[], []]);
});

const PLACEMENT = {
  cpuset: { cpus: "0,2", mems: "0" },
  blockIo: {
    weights: [
      { device: undefined, weight: 1000 },
      { device: "8:0", weight: 10 },
    ],
    rates: [{ device: "8:0", kind: "riops" as const, rate: 7 }],
  },
};

it("has systemd's words for CPUs, memory nodes and disks with version 2", () => {
  const properties = [
    "AllowedCPUs=0,2",
    "AllowedMemoryNodes=0",
    "IOWeight=10000",
    "IODeviceWeight=/dev/block/8:0 1",
    "IOReadIOPSMax=/dev/block/8:0 7",
  ];
  expect(placementOrders(PLACEMENT, UNIT, folders(), [hierarchy(2, "cpuset io")])).toEqual([
    { unit: UNIT, properties },
  ]);
  expect(placementOrders({}, UNIT, folders(), [hierarchy(2, "cpuset io")])).toEqual([]);
});

it("has files for them with version 1, where systemd has no words", () => {
  mkdirSync(folders().made[0] ?? "", { recursive: true });
  writeFileSync(join(folders().made[0] ?? "", "cpuset.cpus"), "");
  const limits = { cpuset: { cpus: "0", mems: undefined } };
  expect(placementOrders(limits, UNIT, folders(), [hierarchy(1, "cpuset")])).toEqual([
    { path: join(folders().made[0] ?? "", "cpuset.cpus"), value: "0" },
  ]);
});
