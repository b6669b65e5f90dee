import { Fault } from "../http/fault.ts";
import {
  bool,
  oneOf,
  optional,
  otherwise,
  required,
  struct,
  u8,
  usize,
  type Decode,
} from "../serde/decode.ts";
import type { Traits } from "../version.ts";

const MAX_VCPUS = 32;
const CPU_TEMPLATES = ["C3", "T2", "T2S", "None", "T2CL", "T2A"] as const;
type CpuTemplate = (typeof CPU_TEMPLATES)[number];
type HugePages = "None" | "Transparent" | "2M";

export interface MachineConfig {
  vcpu_count: number;
  mem_size_mib: number;
  smt: boolean;
  cpu_template?: CpuTemplate;
  track_dirty_pages: boolean;
  huge_pages: HugePages;
}

/** What a request changes; null stays as it is. */
export type MachineConfigUpdate = {
  [K in Exclude<keyof MachineConfig, "cpu_template">]: MachineConfig[K] | null;
} & { cpu_template: CpuTemplate | null };

export const DEFAULT_MACHINE_CONFIG: MachineConfig = {
  vcpu_count: 1,
  mem_size_mib: 128,
  smt: false,
  track_dirty_pages: false,
  huge_pages: "None",
};

function hugePages({ since117 }: Traits): Decode<HugePages> {
  return since117 ? oneOf(["None", "Transparent", "2M"]) : oneOf(["None", "2M"]);
}

export function machineConfigDecoder(traits: Traits): Decode<MachineConfigUpdate> {
  return struct("MachineConfig", {
    vcpu_count: required(u8),
    mem_size_mib: required(usize),
    smt: otherwise(bool, false),
    cpu_template: optional(oneOf(CPU_TEMPLATES)),
    track_dirty_pages: otherwise(bool, false),
    huge_pages: otherwise(hugePages(traits), "None"),
  });
}

export function machineConfigUpdateDecoder(traits: Traits): Decode<MachineConfigUpdate> {
  return struct("MachineConfigUpdate", {
    vcpu_count: optional(u8),
    mem_size_mib: optional(usize),
    smt: optional(bool),
    cpu_template: optional(oneOf(CPU_TEMPLATES)),
    track_dirty_pages: optional(bool),
    huge_pages: optional(hugePages(traits)),
  });
}

/** The machine after an update. `balloonMib`: what the balloon is to take of it. */
export function updateMachine(
  old: MachineConfig,
  update: MachineConfigUpdate,
  balloonMib: number,
): MachineConfig {
  const template = update.cpu_template ?? old.cpu_template ?? "None";
  const config: MachineConfig = {
    vcpu_count: update.vcpu_count ?? old.vcpu_count,
    mem_size_mib: update.mem_size_mib ?? old.mem_size_mib,
    smt: update.smt ?? old.smt,
    ...(template === "None" ? {} : { cpu_template: template }),
    track_dirty_pages: update.track_dirty_pages ?? old.track_dirty_pages,
    huge_pages: update.huge_pages ?? old.huge_pages,
  };
  checkMachine(config, balloonMib);
  return config;
}

function checkMachine(config: MachineConfig, balloonMib: number): void {
  const { vcpu_count: vcpus, mem_size_mib: memoryMib, smt, huge_pages: pages } = config;
  if (vcpus === 0 || vcpus > MAX_VCPUS || (smt && vcpus > 1 && vcpus % 2 === 1))
    throw new Fault(
      `Machine config error: The number of vCPUs must be greater than 0, less than ${MAX_VCPUS} and must be 1 or an even number if SMT is enabled.`,
    );
  if (memoryMib === 0 || (pages !== "None" && memoryMib % 2 === 1))
    throw new Fault(
      "Machine config error: The memory size (MiB) is either 0, or not a multiple of the configured page size.",
    );
  if (balloonMib > memoryMib)
    throw new Fault(
      "Machine config error: The memory size (MiB) is smaller than the previously set balloon device target size.",
    );
}
