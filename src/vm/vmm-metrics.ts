import { isObject } from "../base/json.ts";

/**
 * What a VMM has counted since the VM was started, in one form for all drivers. What a VMM does not count is undefined, and left out of JSON: QEMU has
 * no numbers of vsock and of refused requests, and none of exits without KVM.
 */
export interface VmmMetrics {
  /** In the guest's order. */
  disks: DiskMetrics[];
  vcpuExits?: VcpuExits;
  vsock?: VsockMetrics;
  /** Requests to the VMM that it refused. */
  refusedRequests?: number;
}

export interface DiskMetrics {
  /** As the guest calls it: "vda". */
  name: string;
  reads: number;
  readBytes: number;
  writes: number;
  writtenBytes: number;
  flushes: number;
}

/** How often the guest's CPUs were stopped so that the VMM could do something for them. */
export interface VcpuExits {
  /** For an I/O port. */
  io: number;
  /** For memory that is a device's. */
  mmio: number;
}

export interface VsockMetrics {
  toGuestBytes: number;
  fromGuestBytes: number;
  /** All that there were. */
  connections: number;
}

/** What the guest calls its nth virtio disk, from 0 on; no VM of ours has more than 26. */
export function diskName(index: number): string {
  return `vd${String.fromCharCode("a".charCodeAt(0) + index)}`;
}

/** A counter of a VMM's; 0 for what is none. */
export function counter(from: unknown, name: string): number {
  const value = isObject(from) ? from[name] : undefined;
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
