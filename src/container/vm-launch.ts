import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Deadline } from "../base/deadline.ts";
import { cgroupFolder, cgroupsToMake, makeCgroup } from "../host/cgroup.ts";
import { startShadow, type Shadow, type ShadowPlan } from "../host/shadow.ts";
import { parseMountOptions } from "../host/mount-flags.ts";
import { followReport } from "../monitor/follow-report.ts";
import { jobPath, type ContainerJob } from "../monitor/job.ts";
import { ownMonitor } from "../monitor/own-monitor.ts";
import { GUEST_SHARE, guestConfig, planMounts, volumePath } from "../oci/guest-config.ts";
import { writePidFile } from "../state/pid-file.ts";
import { heardSpans, traced } from "../trace/channels.ts";
import type { CreateRequest } from "./container-mode.ts";
import { diskRoot } from "./disk-root.ts";
import { shadowTerminal } from "./terminal.ts";
import { removeLeftovers } from "./vm-leftovers.ts";
import { vmRecord } from "./vm-record.ts";

/** Longer than the monitor's own deadline for a boot, so that its error arrives, which knows more. */
const LAUNCH_TIMEOUT_MS = 240_000;
/** A disk image of some million files takes minutes. */
const IMAGE_TIMEOUT_MS = 1_800_000;

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
 * Starts the shadow and the monitor and waits until the container is created (or running, with `startAtOnce`). On failure
 * everything but the claim on the id is released.
 */
export async function launch(request: CreateRequest, options: LaunchOptions): Promise<Launched> {
  const { bundle, store, id, settings } = request;
  const stateDir = store.dirOf(id);
  const onDisk = settings.share === "block";
  const terminal = bundle.config.process?.terminal === true;
  const terminalKind = shadowTerminal(terminal, request.consoleSocket);
  const folder = cgroupFolder(bundle.config.linux?.cgroupsPath, id);
  const record = vmRecord(request, cgroupsToMake(folder));
  const job: ContainerJob = {
    record,
    settings,
    guestConfig: guestConfig(bundle.raw, id, GUEST_SHARE, onDisk ? "volumes" : "tree"),
    program: bundle.config.process?.args[0] ?? "",
    terminal,
    startAtOnce: options.startAtOnce,
    narrate: heardSpans.hasSubscribers,
    ...(onDisk && { disk: diskRoot(bundle) }),
  };
  // The journal first: whatever is acquired from here on, delete finds.
  store.write(record);
  try {
    writeFileSync(jobPath(stateDir), JSON.stringify(job), { mode: 0o600 });
    const plan: ShadowPlan = {
      ...common(request),
      ...(onDisk ? volumes(request) : tree(request)),
      cgroups: makeCgroup(folder),
      terminal: terminalKind,
      preserveFds: request.preserveFds,
      wait: options.wait,
      monitor: ownMonitor(stateDir),
    };
    return await traced("cli", "all of it, from shadow and monitor on", { why: WHY }, () =>
      startAndWait(plan, request.pidFile, LAUNCH_TIMEOUT_MS + (onDisk ? IMAGE_TIMEOUT_MS : 0)),
    );
  } catch (error) {
    await removeLeftovers(record, stateDir);
    throw error;
  }
}

const WHY = "the shadow stands for the container on the host, the monitor owns its VM";

type Tree = Pick<ShadowPlan, "rootfs" | "readonly" | "mountPoints" | "binds">;

/** The container's file tree on the host, as config.json describes it. */
function tree({ bundle }: CreateRequest): Tree {
  const { mountPoints } = planMounts(bundle.raw);
  const { rootfs, config } = bundle;
  return { rootfs, readonly: config.root.readonly === true, mountPoints, binds: bindsOf(bundle) };
}

/** Only its bind mounts, each by its number: the rest is on the guest's disk, and the guest must not see the host's. */
function volumes({ bundle, store, id }: CreateRequest): Tree {
  const rootfs = join(store.dirOf(id), "volumes");
  mkdirSync(rootfs, { mode: 0o700 });
  const binds = bindsOf(bundle).map((bind, index) => ({ ...bind, destination: volumePath(index) }));
  return { rootfs, readonly: false, mountPoints: [], binds };
}

function bindsOf(bundle: CreateRequest["bundle"]): ShadowPlan["binds"] {
  return planMounts(bundle.raw).binds.map(({ source, destination, options }) => ({
    source: resolve(bundle.path, source),
    destination,
    flags: parseMountOptions(options).flags,
  }));
}

function common({ bundle }: CreateRequest): Pick<ShadowPlan, "hostname" | "netns"> {
  const { linux, hostname } = bundle.config;
  const network = linux?.namespaces?.find(({ type }) => type === "network");
  return {
    ...(hostname !== undefined && { hostname }),
    netns: network === undefined ? "host" : (network.path ?? "new"),
  };
}

async function startAndWait(
  plan: ShadowPlan,
  pidFile: string | undefined,
  timeoutMs: number,
): Promise<Launched> {
  const deadline = Deadline.after(timeoutMs);
  const shadow = await startShadow(plan, deadline);
  try {
    const stepsHeard = await deadline.race(followReport(shadow.reportLines), "the container's creation");
    if (pidFile !== undefined) writePidFile(pidFile, shadow.pid);
    return { shadow, stepsHeard };
  } catch (error) {
    await shadow.kill();
    // The launcher restores the terminal, on which the error is said.
    if (plan.wait) await shadow.exitStatus();
    throw error;
  }
}
