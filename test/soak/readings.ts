import { expect } from "vitest";
import { processUse, vmProcesses, type ProcessUse } from "../../bench/process-memory.ts";
import type { ContainerRecord } from "../../src/state/record.ts";
import { writeFigures } from "./figures.ts";

/** A monitor may not have closed the last connection yet. */
const CLOSING_DESCRIPTORS = 1;
/** Noise of a garbage-collected heap. What is left behind hundreds of times would be more: a single frame buffer is 64 KiB. */
const GROWTH_MAX_KIB = 6 * 1024;

interface Reading {
  count: number;
  processes: Record<string, ProcessUse>;
  guestAvailableKib: number;
}

/** What the processes of a VM cost while the same thing is done to it again and again. */
export class Readings {
  private readonly name: string;
  private readonly warmUp: number;
  private readonly readings: Reading[] = [];

  /** @param warmUp times after which caches are full: QEMU's translated code (128 MiB), node's heap, the guest's page cache */
  constructor(name: string, warmUp: number) {
    this.name = name;
    this.warmUp = warmUp;
  }

  /** @param meminfo the guest's /proc/meminfo */
  take(count: number, record: Pick<ContainerRecord, "id" | "pid" | "vm">, meminfo: string): void {
    const processes = Object.entries(vmProcesses(record)).map(
      ([name, pid]) => [name, processUse(pid, record.vm?.memSizeMib ?? 0)] as const,
    );
    const guestAvailableKib = Number(/^MemAvailable: +(\d+) kB$/m.exec(meminfo)?.[1]);
    this.readings.push({ count, processes: Object.fromEntries(processes), guestAvailableKib });
    writeFigures(this.name, this.readings);
  }

  /** Neither memory nor descriptors have grown since the caches were full. */
  expectFlat(): void {
    const first = this.readings.find(({ count }) => count >= this.warmUp);
    const last = this.readings.at(-1);
    if (first === undefined || last === undefined) throw new Error("nothing was read");
    expect(Object.keys(last.processes)).toEqual(Object.keys(first.processes));
    for (const [name, use] of Object.entries(last.processes)) {
      const before = first.processes[name];
      const descriptors = use.descriptors - (before?.descriptors ?? 0);
      expect(descriptors, `more descriptors of ${name}`).toBeLessThanOrEqual(CLOSING_DESCRIPTORS);
      const growthKib = use.privateKib - (before?.privateKib ?? 0);
      expect(growthKib, `growth of ${name}, KiB`).toBeLessThan(GROWTH_MAX_KIB);
    }
    const inGuestKib = first.guestAvailableKib - last.guestAvailableKib;
    expect(inGuestKib, "growth in the guest, KiB").toBeLessThan(GROWTH_MAX_KIB);
  }
}
