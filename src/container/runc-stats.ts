import { count, list } from "../agent/messages.ts";
import { objectOrEmpty } from "../base/json.ts";

type Json = Record<string, unknown>;

/** What runc has for "no limit" on version 2 of cgroups. */
const NO_LIMIT = 2n ** 64n - 1n;
const NS_PER_US = 1000;

/**
 * The guest's statistics of a container, as runc's `events` has them (runc's types/events.go), which callers parse. Nothing about them is certain; what is
 * missing is 0, and what is 0 is left out where runc leaves it out.
 */
export function runcStats(stats: unknown): Json {
  const { cpu, memory, pids, io } = objectOrEmpty(stats);
  return {
    cpu: cpuStats(objectOrEmpty(cpu)),
    memory: memoryStats(objectOrEmpty(memory)),
    pids: withoutZeros({
      current: count(objectOrEmpty(pids)["current"]),
      limit: count(objectOrEmpty(pids)["max"]),
    }),
    blkio: blockStats(list(io).map(objectOrEmpty)),
    hugetlb: {},
    intel_rdt: {},
    network_interfaces: null,
  };
}

function cpuStats(cpu: Json): Json {
  const ns = (name: string): number => count(cpu[name]) * NS_PER_US;
  return {
    usage: { ...withoutZeros({ total: ns("usageUs") }), kernel: ns("systemUs"), user: ns("userUs") },
    throttling: withoutZeros({
      periods: count(cpu["nrPeriods"]),
      throttledPeriods: count(cpu["nrThrottled"]),
      throttledTime: ns("throttledUs"),
    }),
  };
}

function memoryStats(memory: Json): Json {
  const [usage, swap, max] = ["current", "swapCurrent", "peak"].map((name) => count(memory[name]));
  const limit = typeof memory["max"] === "number" ? count(memory["max"]) : NO_LIMIT;
  const raw = { anon: count(memory["anon"]), file: count(memory["file"]), kernel: count(memory["kernel"]) };
  return {
    ...withoutZeros({ cache: raw.file }),
    usage: { limit, ...withoutZeros({ usage, max }), failcnt: count(objectOrEmpty(memory["events"])["max"]) },
    // Version 1 counts both together, and runc says it so of version 2.
    swap: { limit, ...withoutZeros({ usage: (usage ?? 0) + (swap ?? 0) }), failcnt: 0 },
    kernel: { limit: NO_LIMIT, ...withoutZeros({ usage: raw.kernel }), failcnt: 0 },
    kernelTCP: { limit: NO_LIMIT, failcnt: 0 },
    raw,
  };
}

function blockStats(devices: Json[]): Json {
  const entries = (read: string, write: string): Json[] =>
    devices.flatMap((device) => {
      const [major = 0, minor = 0] = String(device["device"]).split(":").map(Number);
      const place = withoutZeros({ major: count(major), minor: count(minor) });
      return [
        { ...place, op: "Read", ...withoutZeros({ value: count(device[read]) }) },
        { ...place, op: "Write", ...withoutZeros({ value: count(device[write]) }) },
      ];
    });
  if (devices.length === 0) return {};
  return {
    ioServiceBytesRecursive: entries("rbytes", "wbytes"),
    ioServicedRecursive: entries("rios", "wios"),
  };
}

function withoutZeros(members: Record<string, number | undefined>): Json {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== 0 && value !== undefined),
  );
}
