import type { Method, Request } from "../http/request.ts";
import type { Metrics } from "../metrics.ts";

/** The counter of each kind of request, by the first part of its path. */
const COUNTERS: Record<Method, Record<string, string>> = {
  GET: {
    "": "instance_info",
    version: "vmm_version",
    "machine-config": "machine_cfg",
    mmds: "mmds",
    hotplug: "hotplug_memory",
  },
  PUT: {
    actions: "actions",
    "boot-source": "boot_source",
    drives: "drive",
    logger: "logger",
    "machine-config": "machine_cfg",
    "cpu-config": "cpu_cfg",
    metrics: "metrics",
    "network-interfaces": "network",
    mmds: "mmds",
    vsock: "vsock",
    pmem: "pmem",
    serial: "serial",
    hotplug: "hotplug_memory",
  },
  PATCH: {
    drives: "drive",
    "network-interfaces": "network",
    "machine-config": "machine_cfg",
    mmds: "mmds",
    hotplug: "hotplug_memory",
    pmem: "pmem",
  },
  DELETE: {},
};

export function countRequest(metrics: Metrics, { method, path }: Request): void {
  const counter = COUNTERS[method][path.split("/")[1] ?? ""];
  if (counter !== undefined) metrics.count(`${method.toLowerCase()}_api_requests.${counter}_count`);
}
