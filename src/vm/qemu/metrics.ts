import { isObject } from "../../base/json.ts";
import { counter, diskName, type DiskMetrics, type VcpuExits, type VmmMetrics } from "../vmm-metrics.ts";

/** Sends a QMP command. */
export type Ask = (command: string, args?: object) => Promise<unknown>;

const EXITS = ["io_exits", "mmio_exits"];

/** The node names that ./argv.ts gives: disk0, disk1 … */
const DISK_NODE = /^disk(\d{1,2})$/;

/** QEMU's counters. Those of KVM need QEMU 7.1 and a host kernel from 5.14 on. @throws what `ask` does for those of the disks */
export async function readMetrics(ask: Ask): Promise<VmmMetrics> {
  const disks = disksOf(await ask("query-blockstats"));
  const args = { target: "vcpu", providers: [{ provider: "kvm", names: EXITS }] };
  // An older QEMU does not know the command, one without KVM not the provider.
  const vcpuExits = exitsOf(await ask("query-stats", args).catch(() => []));
  return { disks, ...(vcpuExits && { vcpuExits }) };
}

function disksOf(answer: unknown): DiskMetrics[] {
  const rows = listOf(answer).flatMap((row) => {
    const index = DISK_NODE.exec(String(row["node-name"]))?.[1];
    return index === undefined ? [] : [{ index: Number(index), stats: row["stats"] }];
  });
  return rows
    .toSorted((a, b) => a.index - b.index)
    .map(({ index, stats }) => ({
      name: diskName(index),
      reads: counter(stats, "rd_operations"),
      readBytes: counter(stats, "rd_bytes"),
      writes: counter(stats, "wr_operations"),
      writtenBytes: counter(stats, "wr_bytes"),
      flushes: counter(stats, "flush_operations"),
    }));
}

/** The sum over all CPUs; undefined when there are no numbers. */
function exitsOf(answer: unknown): VcpuExits | undefined {
  const stats = listOf(answer).flatMap((vcpu) => listOf(vcpu["stats"]));
  if (stats.length === 0) return undefined;
  const sum = (name: string): number =>
    stats.reduce((total, stat) => total + (stat["name"] === name ? counter(stat, "value") : 0), 0);
  return { io: sum("io_exits"), mmio: sum("mmio_exits") };
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
