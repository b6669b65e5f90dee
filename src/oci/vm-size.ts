import { availableParallelism, totalmem } from "node:os";
import type { OciConfig } from "./config.ts";
import { MAX_VCPUS } from "./setting-table.ts";
import type { PartialSettings, SourcedSettings } from "./settings.ts";

const MIB = 1024 * 1024;
/** What the guest's kernel, agent and page tables take beside the container. */
const OVERHEAD_MIB = 128;
/** Below this a small memory limit leaves the guest itself too little. */
const MIN_MEMORY_MIB = 256;

/** What the `vm` section of config.json gives (runtime-spec config-vm.md). */
export function settingsFromVmSection(vm: OciConfig["vm"]): SourcedSettings[] {
  const hardware = vm?.hwConfig ?? vm?.hwconfig;
  const { path, initrd } = vm?.kernel ?? {};
  return given([
    ["vm.kernel.path", path !== undefined && { kernel: path }],
    ["vm.kernel.initrd", initrd !== undefined && { rootfs: initrd }],
    ["vm.hwConfig.vcpus", !!hardware?.vcpus && { vcpus: hardware.vcpus }],
    ["vm.hwConfig.memory", !!hardware?.memory && { memSizeMib: Math.ceil(Number(hardware.memory) / MIB) }],
  ]);
}

/** Those that config.json has, by the member that gives them. */
function given(members: [member: string, settings: PartialSettings | false][]): SourcedSettings[] {
  return members.flatMap(([member, settings]) =>
    settings === false ? [] : [{ source: `${member} in config.json`, settings }],
  );
}

/** The kernel's own (Documentation/admin-guide/cgroup-v2.rst, cpu.max). */
export const DEFAULT_PERIOD_US = 100_000;

/** The host's size, given for tests. */
export interface HostSize {
  cpus: number;
  memoryBytes: number;
}

/** Version 1 of cgroups says this, or Go's largest number, of a group without a limit (the kernel's PAGE_COUNTER_MAX). */
const NO_LIMIT = 2n ** 63n - 4096n;

/** The memory limit of config.json in bytes; undefined: there is none. runc takes 0 for that, too. */
export function memoryLimit(config: Pick<OciConfig, "linux">): number | undefined {
  const limit = config.linux?.resources?.memory?.limit ?? 0;
  return limit > 0 && limit < NO_LIMIT ? Number(limit) : undefined;
}

/** A VM that the container's own limits fit into. More than the host has is no use: such limits count as its size. */
export function settingsFromLimits(
  config: Pick<OciConfig, "linux">,
  host: HostSize = { cpus: availableParallelism(), memoryBytes: totalmem() },
): SourcedSettings[] {
  const { cpu } = config.linux?.resources ?? {};
  const quota = Number(cpu?.quota ?? 0);
  const period = Number(cpu?.period || DEFAULT_PERIOD_US);
  const limit = memoryLimit(config);
  const vcpus = Math.min(Math.ceil(quota / period), host.cpus, MAX_VCPUS);
  return given([
    ["linux.resources.cpu.quota", quota > 0 && { vcpus }],
    [
      "linux.resources.memory.limit",
      limit !== undefined && { memSizeMib: memoryFor(limit, Math.floor(host.memoryBytes / MIB)) },
    ],
  ]);
}

function memoryFor(limitBytes: number, hostMib: number): number {
  return Math.min(hostMib, Math.max(MIN_MEMORY_MIB, Math.ceil(limitBytes / MIB) + OVERHEAD_MIB));
}
