type Json = Record<string, unknown>;

/** Members of `memory` and `cpu` that name swap, CPUs or nodes of the host, or knobs that version 2 of cgroups does not have. */
const HOSTS_MEMORY = ["swap", "kernel", "kernelTCP", "swappiness", "disableOOMKiller", "useHierarchy"];
const HOSTS_CPU = ["cpus", "mems", "realtimeRuntime", "realtimePeriod"];
/** runc takes 0 for "no value" of these and -1 for "no limit": in a new cgroup both mean that nothing is written. crun writes them down. */
const LIMITS = ["limit", "reservation", "quota", "period", "shares", "burst"];

/** linux.resources for the runtime in the guest. What is left out belongs to the host: devices for block I/O, network classes, RDMA. */
export function guestResources(resources: Json): Json {
  const { blockIO: _io, network: _net, rdma: _rdma, hugepageLimits: _huge, ...rest } = resources;
  return {
    ...rest,
    memory: withoutNoLimits(omit(object(resources["memory"]), HOSTS_MEMORY)),
    cpu: withoutNoLimits(omit(object(resources["cpu"]), HOSTS_CPU)),
    // The specification made `limit` optional with 1.3; the guest's crun demands it.
    pids: pidsOf(withoutNoLimits(object(resources["pids"]))),
  };
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

function object(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
