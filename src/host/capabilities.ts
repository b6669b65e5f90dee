import { readFileSync } from "node:fs";

/** Whether this process may do that now. @param capability its number in capabilities(7) */
export function hasCapability(capability: number): boolean {
  const [, effective = "0"] = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return ((BigInt(`0x${effective}`) >> BigInt(capability)) & 1n) === 1n;
}
