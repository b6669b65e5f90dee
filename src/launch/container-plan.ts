import { randomBytes } from "../base/random.ts";
import { isObject } from "../base/json.ts";
import type { ContainerJob } from "../contract/job.ts";
import { callersLimits } from "../host/callers-limits.ts";
import type { CgroupWish } from "../host/cgroup-manager.ts";
import type { RunningMonitor, ShadowPlan } from "../host/shadow-plan.ts";
import { newProof } from "../host/tree-proof.ts";
import { guestConfig, withRlimits } from "../oci/guest-config.ts";
import { joinedShare } from "../oci/guest-mounts.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { CreateRequest } from "./create-request.ts";
import { eventService } from "./event-service.ts";
import { hostSockets } from "./host-sockets.ts";
import { shadowTerminal } from "./terminal.ts";
import { placePlan, type Tree } from "./tree.ts";

type Json = Record<string, unknown>;

export interface LaunchOptions {
  /** Foreground: the launcher stays as our child and ends with the container's status. */
  wait: boolean;
  startAtOnce: boolean;
}

/** A container on its way into a sandbox. */
export interface Joining {
  /** The folder of the sandbox's tree on which its own is mounted. */
  folder: string;
  job: ContainerJob;
}

export function cgroupWish({ bundle, id, store, givenUp }: CreateRequest): CgroupWish {
  return { cgroupsPath: bundle.config.linux?.cgroupsPath, id, stateDir: store.dirOf(id), givenUp };
}

/** What the monitor is asked for. @param hasNetwork its VM has a card */
export async function planJoin(
  request: CreateRequest,
  { startAtOnce }: LaunchOptions,
  record: ContainerRecord,
  hasNetwork: boolean,
): Promise<Joining> {
  const { bundle, id, inside } = request;
  const shared = inside?.shared ?? [];
  // A name that the guest has never looked up, so that nothing it remembers can be about another container.
  const folder = `c-${randomBytes(6).toString("hex")}`;
  const service = eventService(record.bundle, process.env);
  const job: ContainerJob = {
    record,
    proof: newProof(),
    guestConfig: guestConfig(
      withCallersLimits(bundle.raw),
      id,
      joinedShare(folder),
      hasNetwork,
      new Set(shared.map(({ type }) => type)),
    ),
    sockets: await hostSockets(bundle),
    shared,
    program: bundle.config.process?.args[0] ?? "",
    terminal: isTerminal(request),
    startAtOnce,
    ...(service !== undefined && { eventService: service }),
  };
  return { folder, job };
}

/** The container's shadow. @param tree its files; @param cgroups `cgroup.procs` files */
export function shadowPlan(
  request: CreateRequest,
  { wait }: LaunchOptions,
  { proof }: ContainerJob,
  rest: { tree: Tree; cgroups: string[]; monitor: RunningMonitor },
): ShadowPlan {
  const { tree, cgroups, monitor } = rest;
  return {
    ...placePlan(request),
    ...tree,
    proof,
    title: request.bundle.config.process.args,
    cgroups,
    monitor,
    terminal: shadowTerminal(isTerminal(request), request.consoleSocket),
    preserveFds: request.preserveFds,
    stateDir: request.store.dirOf(request.id),
    ...(request.stdio !== undefined && { stdio: request.stdio }),
    wait,
  };
}

/** config.json with the limits that the process would inherit from us on the host. */
function withCallersLimits(config: Json): Json {
  const process = isObject(config["process"]) ? config["process"] : {};
  return { ...config, process: withRlimits(process, callersLimits()) };
}

function isTerminal({ bundle }: CreateRequest): boolean {
  return bundle.config.process?.terminal === true;
}
