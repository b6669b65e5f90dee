import { readdirSync, readlinkSync } from "node:fs";

/**
 * What there is of a container in a VM among the processes of the host: its shadow and those of its execs, which are alone in a namespace.
 * @param shadowPid of the container's own
 */
export function hostPids(shadowPid: number): number[] {
  const namespace = pidNamespace(String(shadowPid));
  if (namespace === undefined) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && pidNamespace(name) === namespace)
    .map(Number)
    .sort((a, b) => a - b);
}

/** Undefined: no such process. */
function pidNamespace(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}
