import { formatExact } from "../base/exact-json.ts";
import { objectOrEmpty } from "../base/json.ts";
import { DEFAULT_PERIOD_US } from "./vm-size.ts";

type Json = Record<string, unknown>;

/** Members of `memory` and `cpu` that name swap, CPUs or nodes of the host, or knobs that version 2 of cgroups does not have. */
const HOSTS_MEMORY = ["swap", "kernel", "kernelTCP", "swappiness", "disableOOMKiller", "useHierarchy"];
const HOSTS_CPU = ["cpus", "mems", "realtimeRuntime", "realtimePeriod"];
/** runc takes 0 for "no value" of these and -1 for "no limit": in a new cgroup both mean that nothing is written. crun writes them down. */
const LIMITS = ["limit", "reservation", "quota", "period", "shares", "burst"];

/** linux.resources for the runtime in the guest. What is left out belongs to the host: devices for block I/O, network classes, RDMA. */
export function guestResources(resources: Json): Json {
  const { blockIO: _io, network: _net, rdma: _rdma, hugepageLimits: _huge, ...rest } = resources;
  const { burst, ...cpu } = withoutNoLimits(omit(objectOrEmpty(resources["cpu"]), HOSTS_CPU));
  return {
    ...rest,
    ...burstOf(burst, rest),
    memory: withoutNoLimits(omit(objectOrEmpty(resources["memory"]), HOSTS_MEMORY)),
    cpu,
    // The specification made `limit` optional with 1.3; the guest's crun demands it.
    pids: pidsOf(withoutNoLimits(objectOrEmpty(resources["pids"]))),
  };
}

/** What a change of a container's limits is for the runtime in the guest. @param after all limits, with the change */
export function guestChange(after: Json, change: Json): Json {
  const { blockIO: _io, network: _net, rdma: _rdma, hugepageLimits: _huge, memory, cpu, ...rest } = change;
  const ofMemory = omit(objectOrEmpty(memory), HOSTS_MEMORY);
  // Version 2 of cgroups has no soft limit, but memory that is kept: none, then.
  if (isNoLimit(ofMemory["reservation"])) ofMemory["reservation"] = 0;
  const isCpu = Object.keys(omit(objectOrEmpty(cpu), HOSTS_CPU)).length > 0;
  return {
    ...rest,
    ...burstOf(objectOrEmpty(cpu)["burst"], rest),
    ...(Object.keys(ofMemory).length > 0 && { memory: ofMemory }),
    ...(isCpu && { cpu: wholeCpu(objectOrEmpty(after["cpu"])) }),
  };
}

/** crun writes quota and period together, and takes a period that is missing for the default. */
function wholeCpu(cpu: Json): Json {
  const members = omit(cpu, [...HOSTS_CPU, "burst"]);
  const isSet = (name: string): boolean => !!members[name];
  const quota = isSet("quota")
    ? { quota: members["quota"], period: members["period"] || DEFAULT_PERIOD_US }
    : {};
  return {
    ...omit(
      members,
      ["quota", "period"].filter((name) => !isSet(name)),
    ),
    ...quota,
  };
}

/** `cpu.burst` by the file of the cgroup: the guest's crun does not know the member. */
function burstOf(burst: unknown, { unified }: Json): Json {
  return burst ? { unified: { "cpu.max.burst": formatExact(burst), ...objectOrEmpty(unified) } } : {};
}

function pidsOf(pids: Json): Json | undefined {
  return pids["limit"] === undefined ? undefined : pids;
}

function withoutNoLimits(members: Json): Json {
  return omit(
    members,
    LIMITS.filter((name) => isNoLimit(members[name])),
  );
}

function isNoLimit(value: unknown): boolean {
  return (typeof value === "number" || typeof value === "bigint") && value <= 0;
}

function omit(value: Json, names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}
