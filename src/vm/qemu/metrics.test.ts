import { expect, test } from "vitest";
import { readMetrics, type Ask } from "./metrics.ts";

/** The shapes are those of QEMU 7.2 (qapi/block-core.json, qapi/stats.json). */
function disk(node: string, reads: number): object {
  const stats = {
    rd_operations: reads,
    rd_bytes: reads * 4096,
    wr_operations: 2,
    wr_bytes: 1024,
    flush_operations: 1,
  };
  return { device: "", "node-name": node, qdev: "/machine/peripheral-anon/device[0]/virtio-backend", stats };
}

const DISKS = [disk("disk1", 3), disk("disk0", 7), disk("#block066", 9)];

function qemu(vcpus: () => unknown): Ask {
  return async (command) => (command === "query-blockstats" ? DISKS : vcpus());
}

test("disks are in the guest's order, and those of nobody's are left out", async () => {
  const { disks } = await readMetrics(qemu(() => []));
  expect(disks).toEqual([
    { name: "vda", reads: 7, readBytes: 28_672, writes: 2, writtenBytes: 1024, flushes: 1 },
    { name: "vdb", reads: 3, readBytes: 12_288, writes: 2, writtenBytes: 1024, flushes: 1 },
  ]);
});

test("exits are those of all CPUs", async () => {
  const cpu = (io: number): object => ({
    provider: "kvm",
    stats: [
      { name: "io_exits", value: io },
      { name: "mmio_exits", value: 1 },
    ],
  });
  expect((await readMetrics(qemu(() => [cpu(10), cpu(20)]))).vcpuExits).toEqual({ io: 30, mmio: 2 });
});

test("without KVM, and before QEMU 7.1, nothing is said of exits", async () => {
  expect(await readMetrics(qemu(() => []))).not.toHaveProperty("vcpuExits");
  const old = qemu(() => {
    throw new Error("QEMU refused query-stats: The command query-stats has not been found");
  });
  expect(await readMetrics(old)).not.toHaveProperty("vcpuExits");
});
