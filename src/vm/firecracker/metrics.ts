import type { Deadline } from "../../base/deadline.ts";
import { isObject } from "../../base/json.ts";
import { counter, diskName, type DiskMetrics, type VmmMetrics } from "../vmm-metrics.ts";

/** A line has some 8 KiB, and 0.6 for each disk more. */
const MAX_LINE_BYTES = 256 * 1024;

/** Of the disks that the driver attaches, in their order: d0, d1 … d25 */
const DISK_KEY = /^block_d(1?\d|2[0-5])$/;

/**
 * Reads the lines of JSON that Firecracker writes to its metrics file (docs/metrics.md of Firecracker). Each has what was counted since the one before, so
 * they are added up. A line that cannot be read counts for nothing.
 */
export class MetricsReader {
  private readonly disks = new Map<number, DiskMetrics>();
  private readonly vcpuExits = { io: 0, mmio: 0 };
  private readonly vsock = { toGuestBytes: 0, fromGuestBytes: 0, connections: 0 };
  private refusedRequests = 0;
  private rest: Buffer = Buffer.alloc(0);
  private tooLong = false;
  private waiting: (() => void)[] = [];

  /** Takes the next bytes of the file, wherever they are cut. */
  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([this.rest, chunk.subarray(start, end)]);
      if (!this.tooLong) this.takeLine(line.toString("utf8"));
      this.rest = Buffer.alloc(0);
      this.tooLong = false;
      start = end + 1;
    }
    this.keep(chunk.subarray(start));
  }

  /** What has been counted up to the last line. */
  totals(): VmmMetrics {
    const { disks, vcpuExits, vsock, refusedRequests } = this;
    const inOrder = [...disks].toSorted(([a], [b]) => a - b).map(([, disk]) => ({ ...disk }));
    return { disks: inOrder, vcpuExits: { ...vcpuExits }, vsock: { ...vsock }, refusedRequests };
  }

  /**
   * What has been counted up to now.
   * @param flush asks Firecracker for a line
   * @throws what `flush` does, TIMEOUT
   */
  async readNow(flush: () => Promise<void>, deadline: Deadline): Promise<VmmMetrics> {
    const line = new Promise<void>((resolve) => {
      this.waiting.push(resolve);
    });
    await flush();
    await deadline.race(line, "Firecracker's metrics");
    return this.totals();
  }

  private keep(part: Buffer): void {
    if (this.tooLong || this.rest.length + part.length > MAX_LINE_BYTES) {
      this.tooLong = true;
      this.rest = Buffer.alloc(0);
      return;
    }
    this.rest = Buffer.concat([this.rest, part]);
  }

  private takeLine(text: string): void {
    const line = parseObject(text);
    if (line === undefined) return;
    this.add(line);
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private add(line: Record<string, unknown>): void {
    const { vcpu, vsock } = line;
    this.vcpuExits.io += counter(vcpu, "exit_io_in") + counter(vcpu, "exit_io_out");
    this.vcpuExits.mmio += counter(vcpu, "exit_mmio_read") + counter(vcpu, "exit_mmio_write");
    this.vsock.toGuestBytes += counter(vsock, "rx_bytes_count");
    this.vsock.fromGuestBytes += counter(vsock, "tx_bytes_count");
    this.vsock.connections += counter(vsock, "conns_added");
    for (const requests of [line["put_api_requests"], line["patch_api_requests"]]) {
      if (!isObject(requests)) continue;
      const names = Object.keys(requests).filter((name) => name.endsWith("_fails"));
      for (const name of names) this.refusedRequests += counter(requests, name);
    }
    for (const [key, block] of Object.entries(line)) {
      const index = DISK_KEY.exec(key)?.[1];
      if (index !== undefined) this.addDisk(Number(index), block);
    }
  }

  private addDisk(index: number, block: unknown): void {
    const before = this.disks.get(index) ?? {
      name: diskName(index),
      reads: 0,
      readBytes: 0,
      writes: 0,
      writtenBytes: 0,
      flushes: 0,
    };
    this.disks.set(index, {
      name: before.name,
      reads: before.reads + counter(block, "read_count"),
      readBytes: before.readBytes + counter(block, "read_bytes"),
      writes: before.writes + counter(block, "write_count"),
      writtenBytes: before.writtenBytes + counter(block, "write_bytes"),
      flushes: before.flushes + counter(block, "flush_count"),
    });
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
