import { Fault } from "../http/fault.ts";
import { otherwise, required, struct, usize } from "../serde/decode.ts";

const MIN_BLOCK_MIB = 2;
const MIN_SLOT_MIB = 128;

export const memoryHotplugConfig = struct("MemoryHotplugConfig", {
  total_size_mib: required(usize),
  block_size_mib: otherwise(usize, MIN_BLOCK_MIB),
  slot_size_mib: otherwise(usize, MIN_SLOT_MIB),
});
export type MemoryHotplugConfig = ReturnType<typeof memoryHotplugConfig>;

export const memoryHotplugUpdate = struct("MemoryHotplugSizeUpdate", { requested_size_mib: required(usize) });

/** @throws Fault */
export function checkMemoryHotplug(config: MemoryHotplugConfig): void {
  const complaint = complaintOf(config);
  if (complaint !== undefined) throw new Fault(`Memory hotplug config error: ${complaint}`);
}

function complaintOf({
  total_size_mib: total,
  block_size_mib: block,
  slot_size_mib: slot,
}: MemoryHotplugConfig): string | undefined {
  if (block < MIN_BLOCK_MIB) return `Block size must not be lower than ${MIN_BLOCK_MIB} MiB`;
  if (!Number.isInteger(Math.log2(block))) return "Block size must be a power of 2";
  if (slot < MIN_SLOT_MIB) return `Slot size must not be lower than ${MIN_SLOT_MIB} MiB`;
  if (slot % block !== 0) return `Slot size must be a multiple of block size (${block} MiB)`;
  if (total < slot) return `Total size must not be lower than slot size (${slot} MiB)`;
  if (total % slot !== 0) return `Total size must be a multiple of slot size (${slot} MiB)`;
  return undefined;
}
