import { objectOrEmpty, objectsIn } from "../base/json.ts";
import type { FeatureName } from "../image/kernel-features.ts";

type Json = Record<string, unknown>;

/**
 * What a container asks of the guest's kernel, and by which member of its config.json, as the guest's runtime gets it. What its VM needs is
 * `VmDriver.kernelNeeds`.
 */
export function configNeeds(config: Json): Map<FeatureName, string> {
  const needs = new Map<FeatureName, string>();
  const linux = objectOrEmpty(config["linux"]);
  for (const { type } of objectsIn(linux["namespaces"])) {
    const feature = NAMESPACES[String(type)];
    if (feature !== undefined) needs.set(feature, `linux.namespaces (${String(type)}) in config.json`);
  }
  if (objectsIn(objectOrEmpty(linux["seccomp"])["syscalls"]).length > 0) {
    needs.set("seccomp", "linux.seccomp in config.json");
  }
  for (const [member, feature] of resourceNeeds(objectOrEmpty(linux["resources"]))) {
    needs.set(feature, `linux.resources.${member} in config.json`);
  }
  for (const { type, destination } of objectsIn(config["mounts"])) {
    const feature = FILE_SYSTEMS[String(type)];
    if (feature !== undefined) needs.set(feature, `the mount ${String(destination)} in config.json`);
  }
  return needs;
}

const NAMESPACES: Record<string, FeatureName> = {
  mount: "mount-ns",
  uts: "uts-ns",
  ipc: "ipc-ns",
  pid: "pid-ns",
  network: "network-ns",
  user: "user-ns",
  time: "time-ns",
};

const FILE_SYSTEMS: Record<string, FeatureName> = { overlay: "overlay", mqueue: "mqueue" };

/** 0 and below are "no limit" or "the default" (runtime-spec config-linux.md). */
function resourceNeeds(resources: Json): [string, FeatureName][] {
  const { memory, cpu, pids } = resources;
  const needs: [string, unknown, FeatureName][] = [
    ["memory.limit", objectOrEmpty(memory)["limit"], "memory"],
    ["memory.reservation", objectOrEmpty(memory)["reservation"], "memory"],
    ["cpu.shares", objectOrEmpty(cpu)["shares"], "cpu-weight"],
    ["cpu.quota", objectOrEmpty(cpu)["quota"], "cpu-quota"],
    ["pids.limit", objectOrEmpty(pids)["limit"], "pids"],
  ];
  return needs
    .filter(([, value]) => (typeof value === "number" || typeof value === "bigint") && value > 0)
    .map(([member, , feature]) => [member, feature]);
}
