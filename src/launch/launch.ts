import { NkError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import { Deadline } from "../base/deadline.ts";
import { cgroupFolder, makeCgroup, planCgroup } from "../host/cgroup.ts";
import { planLimits, writeLimits } from "../host/cgroup-limits.ts";
import { callersLimits } from "../host/callers-limits.ts";
import { checkGivenUp, unlessGivenUp } from "../host/give-up.ts";
import { startShadow, type Shadow, type ShadowPlan } from "../host/shadow.ts";
import { followReport } from "../contract/follow-report.ts";
import { newProof } from "../host/tree-proof.ts";
import { encodeRequest, jobPath, type ContainerJob } from "../contract/job.ts";
import { ownMonitor } from "../contract/own-monitor.ts";
import type { Bundle } from "../oci/bundle.ts";
import { withResolvedDestinations } from "../oci/destinations.ts";
import { guestConfig, withRlimits } from "../oci/guest-config.ts";
import { vmLimits } from "../oci/host-limits.ts";
import { GUEST_SHARE } from "../oci/guest-mounts.ts";
import { writeFileAtomic } from "../state/atomic-write.ts";
import { writePidFile } from "../state/pid-file.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import { heardSpans, traced } from "../trace/channels.ts";
import { tellBoot } from "../trace/slow.ts";
import type { CreateRequest } from "./create-request.ts";
import { diskRoot } from "./disk-root.ts";
import { shadowTerminal } from "./terminal.ts";
import { findHome, joinMachine, recordIn, type Home } from "./join.ts";
import { removeLeftovers } from "./leftovers.ts";
import { placePlan, treePlan, volumesPlan } from "./tree.ts";
import { vmRecord } from "./vm-record.ts";

/** Longer than the monitor's own deadline for a boot, so that its error arrives, which knows more. */
const LAUNCH_TIMEOUT_MS = 240_000;
/** How long a monitor whose shadow was killed may take for an orderly end. */
const GIVE_UP_MS = 2000;
/** A disk image of some million files takes minutes. */
const IMAGE_TIMEOUT_MS = 1_800_000;

type Json = Record<string, unknown>;

export interface LaunchOptions {
  /** Foreground: the launcher stays as our child and ends with the container's status. */
  wait: boolean;
  startAtOnce: boolean;
}

export interface Launched {
  shadow: Shadow;
  /** How many of the monitor's steps were passed on to be shown. */
  stepsHeard: number;
}

/**
 * Starts the shadow and its monitor, or lets the monitor of a VM made by hand take the shadow in, and waits until the container is
 * created (or running, with `startAtOnce`). On failure everything but the claim on the id is released, also when a signal is the reason.
 */
export async function launch(request: CreateRequest, options: LaunchOptions): Promise<Launched> {
  const { store, machine, givenUp } = request;
  checkSync(request);
  const resolved = { ...request, bundle: withPlaces(request.bundle) };
  try {
    return machine === undefined
      ? await launchOwn(resolved, options)
      : await launchInside(findHome(store, machine), resolved, options);
  } catch (error) {
    // A signal to the whole process group ends the helper too, whose end is not the reason.
    await checkGivenUp(givenUp);
    throw error;
  }
}

function withPlaces(bundle: Bundle): Bundle {
  return { ...bundle, raw: withResolvedDestinations(bundle) };
}

function checkSync({ settings, settled, machine }: CreateRequest): void {
  if (!settings.sync || settled?.shape.root === "disk") return;
  const found = machine === undefined ? `--vm-share=${settings.share}` : `--vm=${machine}`;
  throw new NkError(
    "BAD_CONFIG",
    `--vm-sync (vm.sync) copies back from a disk of the VM: expected --vm-share=block, found ${found}, with which the files are the host's own: leave it out`,
  );
}

const WHY = "the shadow stands for the container on the host, the monitor owns its VM";

async function launchOwn(request: CreateRequest, options: LaunchOptions): Promise<Launched> {
  const { bundle, store, id, settings, settled } = request;
  const stateDir = store.dirOf(id);
  if (settled === undefined) throw new NkError("INTERNAL", "nobody has settled what the VM is");
  const disk = settled.shape.root === "disk" ? diskRoot(bundle, settings.sync) : undefined;
  const inGuest = guestConfig(withCallersLimits(bundle.raw), id, GUEST_SHARE);
  const folders = planCgroup(cgroupFolder(bundle.config.linux?.cgroupsPath, id));
  const record = { ...request.record, vm: vmRecord(settled, settings, folders) };
  const proof = newProof();
  return journaled(record, store, async () => {
    const cgroups = makeCgroup(folders);
    const limits = planLimits(vmLimits(bundle.config, settings.memSizeMib), folders);
    writeLimits(limits.memory);
    const job: ContainerJob = {
      ...commonJob(request, options, record),
      settled,
      proof,
      guestConfig: inGuest,
      cpuLimits: limits.cpu,
      ...(disk && { disk }),
    };
    writeFileAtomic(jobPath(stateDir), encodeRequest(job));
    const plan: ShadowPlan = {
      ...commonPlan(request, options),
      ...(disk ? volumesPlan(request, disk.sync) : treePlan(request)),
      proof,
      cgroups,
      monitor: ownMonitor(stateDir),
    };
    return traced("cli", "all of it, from shadow and monitor on", { why: WHY }, () =>
      tellBoot(() => startAndWait(plan, request, LAUNCH_TIMEOUT_MS + (disk ? IMAGE_TIMEOUT_MS : 0))),
    );
  });
}

function launchInside(home: Home, request: CreateRequest, options: LaunchOptions): Promise<Launched> {
  const { bundle, store, id } = request;
  const folders = planCgroup(cgroupFolder(bundle.config.linux?.cgroupsPath, id));
  const record = recordIn(home, request, folders);
  const proof = newProof();
  const job = (share: string): ContainerJob => ({
    ...commonJob(request, options, record),
    proof,
    guestConfig: guestConfig(withCallersLimits(bundle.raw), id, share),
  });
  return journaled(record, store, () => {
    const place = { ...treePlan(request), proof, cgroups: makeCgroup(folders) };
    const plan = { ...commonPlan(request, options), ...place };
    return joinMachine(home, job, (monitor) => startJoined({ ...plan, monitor }, request));
  });
}

/** The journal first: whatever `work` acquires, delete finds. */
async function journaled<T>(record: ContainerRecord, store: StateStore, work: () => Promise<T>): Promise<T> {
  store.write(record);
  try {
    return await work();
  } catch (error) {
    await removeLeftovers(record, store.dirOf(record.id));
    throw error;
  }
}

/** config.json with the limits that the process would inherit from us on the host. */
function withCallersLimits(config: Json): Json {
  const process = isObject(config["process"]) ? config["process"] : {};
  return { ...config, process: withRlimits(process, callersLimits()) };
}

function commonJob(
  request: CreateRequest,
  { startAtOnce }: LaunchOptions,
  record: ContainerRecord,
): Omit<ContainerJob, "guestConfig" | "proof"> {
  return {
    record,
    settings: request.settings,
    program: request.bundle.config.process?.args[0] ?? "",
    terminal: isTerminal(request),
    startAtOnce,
    narrate: heardSpans.hasSubscribers,
  };
}

function commonPlan(request: CreateRequest, { wait }: LaunchOptions) {
  return {
    ...placePlan(request),
    terminal: shadowTerminal(isTerminal(request), request.consoleSocket),
    preserveFds: request.preserveFds,
    stateDir: request.store.dirOf(request.id),
    ...(request.stdio !== undefined && { stdio: request.stdio }),
    wait,
  };
}

function isTerminal({ bundle }: CreateRequest): boolean {
  return bundle.config.process?.terminal === true;
}

/** The monitor answers before the shadow is reported: the container is there then. */
async function startJoined(plan: ShadowPlan, { pidFile, givenUp }: CreateRequest): Promise<Launched> {
  const shadow = await startShadow(plan, Deadline.after(LAUNCH_TIMEOUT_MS), givenUp);
  if (pidFile !== undefined) writePidFile(pidFile, shadow.pid);
  return { shadow, stepsHeard: 0 };
}

async function startAndWait(
  plan: ShadowPlan,
  { pidFile, givenUp }: CreateRequest,
  timeoutMs: number,
): Promise<Launched> {
  const deadline = Deadline.after(timeoutMs);
  const shadow = await startShadow(plan, deadline, givenUp);
  const made = followReport(shadow.reportLines);
  try {
    const stepsHeard = await deadline.race(unlessGivenUp(givenUp, made), "the container's creation");
    if (pidFile !== undefined) writePidFile(pidFile, shadow.pid);
    return { shadow, stepsHeard };
  } catch (error) {
    await shadow.kill();
    // The monitor's last word comes when it has cleaned up; one that hangs is killed with its cgroup.
    await Deadline.after(GIVE_UP_MS)
      .race(made, "the monitor's end")
      .catch(() => {});
    // The launcher restores the terminal, on which the error is said.
    if (plan.wait) await shadow.exitStatus();
    throw error;
  }
}
