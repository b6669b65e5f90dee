import type { Method, Request } from "../http/request.ts";
import { RequestFault } from "../http/fault.ts";
import type { Traits } from "../version.ts";
import type { Vmm } from "../vmm.ts";
import { always, type Action } from "./action.ts";
import { getBalloon, patchBalloon, putBalloon } from "./balloon.ts";
import {
  patchDrive,
  patchInterface,
  patchPmem,
  putDrive,
  putInterface,
  putPmem,
  removeDevice,
} from "./devices.ts";
import { patchVm, putActions } from "./life.ts";
import {
  getMemoryHotplug,
  patchMachineConfig,
  patchMemoryHotplug,
  putBootSource,
  putCpuConfig,
  putEntropy,
  putMachineConfig,
  putMemoryHotplug,
  putVsock,
} from "./machine.ts";
import { getMmds, patchMmds, putMmds } from "./mmds.ts";
import { putLogger, putMetrics, putSerial } from "./outputs.ts";
import { putSnapshot } from "./snapshot.ts";

type WithBody = (body: Buffer, rest: readonly string[], traits: Traits) => Action;
type WithoutBody = (rest: readonly string[]) => Action | undefined;

const GET: Record<string, WithoutBody> = {
  "": () => always(instanceInfo),
  version: () => always(({ traits }) => JSON.stringify({ firecracker_version: traits.version })),
  "machine-config": () => always((vmm) => JSON.stringify(vmm.machine)),
  vm: ([kind]) => (kind === "config" ? always((vmm) => JSON.stringify(vmm.config())) : undefined),
  balloon: getBalloon,
  mmds: getMmds,
  hotplug: ([kind]) => (kind === "memory" ? getMemoryHotplug() : undefined),
};

const PUT: Record<string, WithBody> = {
  actions: putActions,
  balloon: putBalloon,
  "boot-source": putBootSource,
  "cpu-config": putCpuConfig,
  drives: (body, [id]) => putDrive(body, id),
  pmem: (body, [id], traits) => putPmem(traits, body, id),
  logger: putLogger,
  serial: (body, _, traits) => putSerial(traits, body),
  "machine-config": (body, _, traits) => putMachineConfig(traits, body),
  metrics: putMetrics,
  mmds: (body, [kind]) => putMmds(body, kind),
  "network-interfaces": (body, [id], traits) => putInterface(traits, body, id),
  snapshot: (body, [kind], traits) => putSnapshot(traits, body, kind),
  vsock: putVsock,
  entropy: putEntropy,
  hotplug: (body, [kind]) => (kind === "memory" ? putMemoryHotplug(body) : invalid("PUT", "hotplug")),
};

const PATCH: Record<string, WithBody> = {
  drives: (body, [id]) => patchDrive(body, id),
  "machine-config": (body, _, traits) => patchMachineConfig(traits, body),
  mmds: patchMmds,
  "network-interfaces": (body, [id]) => patchInterface(body, id),
  pmem: (body, [id]) => patchPmem(body, id),
  vm: patchVm,
  hotplug: (body, [kind]) => (kind === "memory" ? patchMemoryHotplug(body) : invalid("PATCH", "hotplug")),
};

const REMOVABLE = ["drives", "pmem", "network-interfaces"];

/** What a request asks for. @throws RequestFault */
export function route({ method, path, body }: Request, traits: Traits): Action {
  const [first = "", ...rest] = tokens(path);
  if (method === "GET") return routeGet(first, rest, body);
  if (method === "PUT") {
    if (body === undefined) throw RequestFault.generic("Empty PUT request.");
    return own(PUT, first)?.(body, rest, traits) ?? invalid(method, first);
  }
  if (method === "PATCH") return routePatch(first, rest, body, traits);
  return REMOVABLE.includes(first) && body === undefined ? removeDevice(rest[0]) : invalid(method, first);
}

function routeGet(first: string, rest: readonly string[], body: Buffer | undefined): Action {
  if (body !== undefined) throw RequestFault.generic("GET request cannot have a body.");
  return own(GET, first)?.(rest) ?? invalid("GET", first);
}

function routePatch(
  first: string,
  rest: readonly string[],
  body: Buffer | undefined,
  traits: Traits,
): Action {
  if (first === "balloon") return patchBalloon(body, rest);
  if (body === undefined) throw RequestFault.generic("Empty PATCH request.");
  if (first === "pmem" && !traits.since116) return invalid("PATCH", first);
  return own(PATCH, first)?.(body, rest, traits) ?? invalid("PATCH", first);
}

/** As Rust's split_terminator: an empty last part is none. */
function tokens(path: string): string[] {
  const parts = path.replace(/^\/+/, "").split("/");
  return parts.at(-1) === "" ? parts.slice(0, -1) : parts;
}

function own<T>(table: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

const DEBUG_METHOD: Record<Method, string> = { GET: "Get", PUT: "Put", PATCH: "Patch", DELETE: "Delete" };

function invalid(method: Method, first: string): never {
  throw new RequestFault(
    `Invalid request method and/or path: ${method} ${first}.`,
    `InvalidPathMethod(${JSON.stringify(first)}, ${DEBUG_METHOD[method]})`,
  );
}

function instanceInfo({ id, state, traits }: Vmm): string {
  return JSON.stringify({ id, state, vmm_version: traits.version, app_name: "Firecracker" });
}
