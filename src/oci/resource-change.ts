import { NkError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import { readNamedFile } from "../base/named-file.ts";
import { reasonOf } from "../base/system-error.ts";
import { bytesIn } from "./byte-size.ts";
import { checkResources } from "./config.ts";
import { parseOciJson } from "./oci-json.ts";

/** Members of linux.resources (config-linux.md) that are to change. What is absent stays as it is. */
export type ResourceChange = Readonly<Record<string, unknown>>;

type Kind = "text" | "int" | "uint" | "bytes";

/** What a flag of `update` changes. */
export interface ResourceFlag {
  name: string;
  group: "blockIO" | "cpu" | "memory" | "pids";
  member: string;
  kind: Kind;
  help: string;
}

/** Those of runc. */
export const RESOURCE_FLAGS: readonly ResourceFlag[] = [
  flag("blkio-weight", "blockIO.weight", "uint", "weight of its block I/O, 10 to 1000"),
  flag("cpu-period", "cpu.period", "uint", "period of the CPU quota, in µs"),
  flag("cpu-quota", "cpu.quota", "int", "CPU time in each period, in µs; -1: no limit"),
  flag("cpu-share", "cpu.shares", "uint", "weight of its CPU time"),
  flag("cpu-rt-period", "cpu.realtimePeriod", "uint", "period of realtime scheduling, in µs"),
  flag("cpu-rt-runtime", "cpu.realtimeRuntime", "int", "realtime in each period, in µs"),
  flag("cpuset-cpus", "cpu.cpus", "text", "CPUs of the host that it may use"),
  flag("cpuset-mems", "cpu.mems", "text", "memory nodes of the host that it may use"),
  flag("memory", "memory.limit", "bytes", "memory limit; -1: none"),
  flag("memory-reservation", "memory.reservation", "bytes", "memory that is left to it when all is scarce"),
  flag("memory-swap", "memory.swap", "bytes", "limit of memory and swap; -1: none"),
  flag("kernel-memory", "memory.kernel", "bytes", "ignored, as by runc"),
  flag("kernel-memory-tcp", "memory.kernelTCP", "bytes", "ignored, as by runc"),
  flag("pids-limit", "pids.limit", "int", "number of processes and threads; -1: no limit"),
];

function flag(name: string, path: string, kind: Kind, help: string): ResourceFlag {
  const [group, member] = path.split(".") as [ResourceFlag["group"], string];
  return { name, group, member, kind, help };
}

/** What the flags that are given change. @throws USAGE in runc's words */
export function changeFromFlags(given: (name: string) => string | undefined): ResourceChange {
  const change: Record<string, Record<string, unknown>> = {};
  for (const { name, group, member, kind } of RESOURCE_FLAGS) {
    const text = given(name) ?? "";
    if (text !== "") change[group] = { ...change[group], [member]: valueOf(name, kind, text) };
  }
  return withoutNothing(change);
}

function valueOf(name: string, kind: Kind, text: string): string | bigint {
  if (kind === "text") return text;
  if (kind === "bytes") {
    const bytes = text === "-1" ? -1n : bytesIn(text);
    if (bytes !== undefined) return bytes;
    throw invalid(name, `invalid size: '${text}': expected bytes, or 512m, 2g, or -1`);
  }
  const pattern = kind === "uint" ? /^\d{1,18}$/ : /^-?\d{1,18}$/;
  if (pattern.test(text)) return BigInt(text);
  const expected = kind === "uint" ? "a whole number from 0 on" : "a whole number";
  throw invalid(name, `parsing ${JSON.stringify(text)}: invalid syntax: expected ${expected}`);
}

function invalid(name: string, problem: string): NkError {
  return new NkError("USAGE", `invalid value for ${name}: ${problem} (nk-runtime update --help)`);
}

/** The same from a file with a JSON object. @param path "-": standard input. @throws BAD_CONFIG */
export function changeFromFile(path: string): ResourceChange {
  const name = path === "-" ? "standard input" : path;
  const raw = parseOciJson(readText(path === "-" ? "/dev/stdin" : path, name), name);
  checkResources(raw, name);
  return withoutNothing(raw);
}

function readText(path: string, name: string): string {
  try {
    return readNamedFile(path).toString("utf8");
  } catch (cause) {
    throw new NkError("BAD_CONFIG", `--resources: cannot read ${name}: ${reasonOf(cause)}`, { cause });
  }
}

/** 0 and "" are runc's words for "as it is"; who may use which device is not changed, as by runc. */
function withoutNothing(raw: Readonly<Record<string, unknown>>): ResourceChange {
  const groups = Object.entries(raw)
    .filter(([name]) => name !== "devices")
    .map(([name, group]): [string, unknown] => [name, isObject(group) ? members(group) : group]);
  return Object.fromEntries(groups.filter(([, group]) => !isObject(group) || Object.keys(group).length > 0));
}

function members(group: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(group).filter(([, value]) => value !== 0 && value !== 0n && value !== ""),
  );
}

/** Resources with what a change says of them. */
export function changed(resources: ResourceChange, change: ResourceChange): ResourceChange {
  const groups = Object.entries(change).map(([name, group]) => {
    const before = resources[name];
    return [name, isObject(group) && isObject(before) ? { ...before, ...group } : group];
  });
  return { ...resources, ...(Object.fromEntries(groups) as ResourceChange) };
}
