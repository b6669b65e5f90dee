import { readFileSync } from "node:fs";
import { parseNamespace, type NamespaceState } from "../read.ts";

/**
 * What the script of read.ts printed in one namespace with each version of iproute2; 5.15 printed what 5.10 did. It has eth0, eth1 (with a clsact qdisc),
 * eth2 with the MAC of eth0, and tun9.
 */
export const VERSIONS = ["5.10", "6.1", "6.18"] as const;

export function printed(version: (typeof VERSIONS)[number] = "6.1"): string {
  return readFileSync(new URL(`iproute2-${version}.txt`, import.meta.url), "utf8");
}

export function namespaceState(): NamespaceState {
  return parseNamespace(printed());
}
