import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { warnings } from "../trace/channels.ts";
import { applyLimits, planLimits, type HostLimits } from "./cgroup-limits.ts";
import type { Hierarchy } from "./cgroup.ts";

/** Hierarchies as folders of files, in the layouts that hosts have. The kernel's own are written to by test/vm/cgroup-limits.test.ts. */
let dir: string;
let said: unknown[];
const listen = (text: unknown): void => void said.push(text);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-cgroup-"));
  said = [];
  warnings.subscribe(listen);
});
afterEach(() => {
  warnings.unsubscribe(listen);
  rmSync(dir, { recursive: true });
});

function file(path: string, text = ""): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
}

const read = (path: string): string => readFileSync(join(dir, path), "utf8");

/** @param controllers of version 1; undefined: version 2 */
function hierarchy(name: string, controllers?: string[]): Hierarchy {
  const version = controllers === undefined ? 2 : 1;
  return { mountPoint: join(dir, name), version, controllers: controllers ?? [] };
}

function set(limits: HostLimits, hierarchies: Hierarchy[]): Promise<void> {
  const made = hierarchies.map(({ mountPoint }) => join(mountPoint, "a/c1"));
  const { early, late } = planLimits(limits, { made, joined: [] }, hierarchies);
  return applyLimits([...early, ...late]);
}

const LIMITS: HostLimits = {
  memoryBytes: 1_000_000,
  cpu: { quotaUs: 50_000, periodUs: 100_000, shares: 512 },
};

const PLACEMENT: HostLimits = {
  cpuset: { cpus: "0-1", mems: undefined },
  blockIo: {
    weights: [
      { device: undefined, weight: 500 },
      { device: "8:0", weight: 10 },
    ],
    rates: [{ device: "8:0", kind: "wbps", rate: 2n ** 60n }],
  },
};

describe("version 2", () => {
  /** @param delegated the controllers that the folder above has for its children */
  function tree(delegated: string): Hierarchy[] {
    file("v2/cgroup.controllers", "cpuset cpu io memory pids\n");
    file("v2/cgroup.subtree_control", "cpu memory\n");
    file("v2/a/cgroup.controllers", "cpu memory\n");
    file("v2/a/cgroup.subtree_control", delegated);
    for (const name of ["memory.max", "cpu.max", "cpu.weight", "cpuset.cpus", "io.weight", "io.max"])
      file(`v2/a/c1/${name}`, "max");
    return [hierarchy("v2")];
  }

  it("has the limits in the container's folder, the quota with room for the VMM", async () => {
    await set(LIMITS, tree("cpu memory\n"));
    expect(read("v2/a/c1/memory.max")).toBe("1000000");
    expect(read("v2/a/c1/cpu.max")).toBe("60000 100000");
    expect(read("v2/a/c1/cpu.weight")).toBe("20");
    expect(said).toEqual([]);
  });

  it("has CPUs and disks there, by runc's line for weights", async () => {
    const hierarchies = tree("cpuset io\n");
    file("v2/a/cgroup.controllers", "cpuset io\n");
    await set(PLACEMENT, hierarchies);
    expect(read("v2/a/c1/cpuset.cpus")).toBe("0-1");
    // The kernel takes one line after the other; in a file the last one is left.
    expect(read("v2/a/c1/io.weight")).toBe("8:0 1");
    expect(read("v2/a/c1/io.max")).toBe("8:0 wbps=1152921504606846976");
    expect(said).toEqual([]);
  });

  it("has the scheduler's own weights where there are such", async () => {
    const hierarchies = tree("io\n");
    file("v2/a/cgroup.controllers", "io\n");
    file("v2/a/c1/io.bfq.weight");
    await set({ blockIo: { weights: [{ device: undefined, weight: 500 }], rates: [] } }, hierarchies);
    expect(read("v2/a/c1/io.bfq.weight")).toBe("default 500");
    expect(read("v2/a/c1/io.weight")).toBe("max");
  });

  it("takes a quota away", async () => {
    await set({ cpu: { quotaUs: -1, periodUs: 100_000, shares: undefined } }, tree("cpu\n"));
    expect(read("v2/a/c1/cpu.max")).toBe("max 100000");
  });

  it("enables what the folders above have not", async () => {
    await set({ memoryBytes: 1 }, tree("pids\n"));
    expect(read("v2/a/cgroup.subtree_control")).toBe("+memory");
    expect(read("v2/cgroup.subtree_control")).toBe("cpu memory\n");
  });

  it.each([
    [2, "1"],
    [1024, "39"],
    [262_144, "10000"],
  ])("has %d shares as a weight of %s", async (shares, weight) => {
    await set({ cpu: { quotaUs: undefined, periodUs: 100_000, shares } }, tree("cpu\n"));
    expect(read("v2/a/c1/cpu.weight")).toBe(weight);
    expect(read("v2/a/c1/cpu.max")).toBe("max");
  });
});

describe("version 1 and hybrid", () => {
  function tree(): Hierarchy[] {
    file("unified/cgroup.controllers", "hugetlb\n");
    file("unified/cgroup.subtree_control");
    file("memory/a/c1/memory.limit_in_bytes");
    for (const name of ["cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.shares"])
      file(`cpu,cpuacct/a/c1/${name}`);
    return [
      hierarchy("unified"),
      hierarchy("memory", ["memory"]),
      hierarchy("cpu,cpuacct", ["cpu", "cpuacct"]),
    ];
  }

  it("has each limit in the hierarchy that has its controller", async () => {
    await set(LIMITS, tree());
    expect(read("memory/a/c1/memory.limit_in_bytes")).toBe("1000000");
    expect(read("cpu,cpuacct/a/c1/cpu.cfs_period_us")).toBe("100000");
    expect(read("cpu,cpuacct/a/c1/cpu.cfs_quota_us")).toBe("60000");
    expect(read("cpu,cpuacct/a/c1/cpu.shares")).toBe("512");
    expect(said).toEqual([]);
    await set({ cpu: { quotaUs: -1, periodUs: 100_000, shares: undefined } }, tree());
    expect(read("cpu,cpuacct/a/c1/cpu.cfs_quota_us")).toBe("-1");
  });
});

describe("version 1", () => {
  const all = [
    "cpuset.cpus",
    "blkio.bfq.weight",
    "blkio.bfq.weight_device",
    "blkio.throttle.write_bps_device",
  ];
  const both = (): Hierarchy[] => [hierarchy("v1", ["cpuset", "blkio"])];

  it("has CPUs and disks there", async () => {
    for (const name of all) file(`v1/a/c1/${name}`);
    await set(PLACEMENT, both());
    expect(all.map((name) => read(`v1/a/c1/${name}`))).toEqual([
      "0-1",
      "500",
      "8:0 10",
      "8:0 1152921504606846976",
    ]);
    expect(said).toEqual([]);
  });

  it("says what it has no file for", async () => {
    for (const name of all.slice(0, 1)) file(`v1/a/c1/${name}`);
    await set(PLACEMENT, both());
    expect(said).toEqual([
      expect.stringMatching(/^linux\.resources\.blockIO\.weight holds nowhere/),
      expect.stringMatching(/^linux\.resources\.blockIO\.throttle… holds nowhere/),
    ]);
  });

  it("says which value the kernel refuses, and where", async () => {
    file("v1/a/c1/cpuset.cpus/is a folder");
    await expect(set({ cpuset: { cpus: "9", mems: undefined } }, both())).rejects.toThrow(
      /^linux\.resources: failed to write 9 to .*\/v1\/a\/c1\/cpuset\.cpus: /,
    );
  });
});

it("says which limit this host cannot hold, and only that", async () => {
  file("unified/cgroup.controllers", "hugetlb\n");
  file("memory/a/c1/memory.limit_in_bytes");
  await set(LIMITS, [hierarchy("unified"), hierarchy("memory", ["memory"])]);
  expect(read("memory/a/c1/memory.limit_in_bytes")).toBe("1000000");
  expect(said).toEqual([expect.stringMatching(/^linux\.resources\.cpu holds in the guest only/)]);
});

it("writes nothing where config.json has no limits", () => {
  expect(planLimits({}, { made: [], joined: [] }, [])).toEqual({ early: [], late: [] });
  expect(said).toEqual([]);
});
