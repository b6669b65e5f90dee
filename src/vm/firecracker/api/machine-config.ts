import type { Deadline } from "../../../base/deadline.ts";
import type { Answer } from "./answer.ts";
import type { FirecrackerApi } from "./api.ts";

export interface MachineConfig {
  /** 1 to 32. */
  vcpu_count: number;
  /** At least 1; even with huge pages. */
  mem_size_mib: number;
  /** Two CPUs of the guest are threads of one core; the number of CPUs is even then. x86 only. */
  smt?: boolean;
  /** For snapshots of what has changed since the one before. */
  track_dirty_pages?: boolean;
  /** "Transparent" from 1.17 on. */
  huge_pages?: "None" | "2M" | "Transparent";
}

const WHY = "number of CPUs and size of the memory";

/** PUT /machine-config, before the start. What is left out gets its default. */
export function putMachineConfig(
  api: FirecrackerApi,
  config: MachineConfig,
  deadline: Deadline,
): Promise<void> {
  return api.put("/machine-config", config, WHY, deadline);
}

/** PATCH /machine-config, before the start. What is left out stays. */
export function patchMachineConfig(
  api: FirecrackerApi,
  changes: Partial<MachineConfig>,
  deadline: Deadline,
): Promise<void> {
  return api.patch("/machine-config", changes, WHY, deadline);
}

/** GET /machine-config */
export async function getMachineConfig(
  api: FirecrackerApi,
  deadline: Deadline,
): Promise<EffectiveMachineConfig> {
  return readMachineConfig(await api.get("/machine-config", "what has the VM got?", deadline));
}

/** As it is in force. `huge_pages` is what this Firecracker calls it. */
export type EffectiveMachineConfig = Required<Omit<MachineConfig, "huge_pages">> & { huge_pages: string };

export function readMachineConfig(answer: Answer): EffectiveMachineConfig {
  return {
    vcpu_count: answer.count("vcpu_count"),
    mem_size_mib: answer.count("mem_size_mib"),
    smt: answer.flag("smt"),
    track_dirty_pages: answer.flag("track_dirty_pages"),
    huge_pages: answer.text("huge_pages"),
  };
}
