import { mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Deadline } from "../base/deadline.ts";
import { followReport, type MonitorReport } from "../contract/follow-report.ts";
import { encodeRequest, jobPath, type SandboxJob } from "../contract/job.ts";
import { ownMonitor } from "../contract/own-monitor.ts";
import type { PlannedDaemon } from "../host/shadow-plan.ts";
import { loadDriver } from "../vm/drivers.ts";
import { startShadow, type ShadowPlan } from "../host/shadow.ts";
import { newProof } from "../host/tree-proof.ts";
import { TREE_FOLDER } from "../state/machine-record.ts";

/** A sandbox on its way: started, or taken from a pool. */
export interface OpenedSandbox {
  /** Its folder. */
  stateDir: string;
  /** The process that has its tree. */
  holderPid: number;
  /** Another is to be booted in its place. */
  isFromPool?: true;
  /** What its monitor tells. */
  report: MonitorReport;
  /** Ends it, whatever it is doing: its monitor notices, and releases the rest. */
  end: () => Promise<void>;
}

/** What a sandbox is started with, in its state folder. */
export interface SandboxPlan {
  stateDir: string;
  job: Omit<SandboxJob, "proof">;
  /** Volumes of its own tree, which the guest has before any container comes. */
  mounts: ShadowPlan["mounts"];
  /** cgroup.procs files that holder, monitor and VM are in. */
  cgroups: string[];
}

/**
 * Starts the holder of a sandbox's tree, and the monitor, which boots the VM. The tree is an empty folder, on which the trees of containers are
 * mounted. When it throws, nothing is left.
 */
export async function startSandbox(
  { stateDir, job, mounts, cgroups }: SandboxPlan,
  deadline: Deadline,
  givenUp?: AbortSignal,
): Promise<OpenedSandbox> {
  const proof = newProof();
  const tree = join(stateDir, TREE_FOLDER);
  mkdirSync(tree, { recursive: true });
  // Not `writeFileAtomic`: whoever reads it is started afterwards, and nobody needs it again.
  writeFileSync(jobPath(stateDir), encodeRequest({ ...job, proof } satisfies SandboxJob), { mode: 0o600 });
  const plan: ShadowPlan = {
    rootfs: realpathSync(tree),
    proof,
    // The guest could fill the state folder, which is memory, with files of its own.
    readonly: true,
    mounts,
    hostname: job.id.slice(0, 63),
    netns: "new",
    cgroups,
    stateDir,
    terminal: "none",
    stdio: "ignore",
    preserveFds: 0,
    wait: false,
    monitor: ownMonitor(stateDir, await earlyDaemons(job, stateDir)),
  };
  const holder = await startShadow(plan, deadline, givenUp);
  const report = followReport(holder.reportLines);
  return { stateDir, holderPid: holder.pid, report, end: () => holder.kill() };
}

/** The VM boots while its monitor starts. */
async function earlyDaemons(
  { id, settled: { shape } }: SandboxPlan["job"],
  stateDir: string,
): Promise<PlannedDaemon[]> {
  const driver = await loadDriver(shape.vmm);
  return (await driver.daemons?.({ id, stateDir, shape, extraCmdline: "" })) ?? [];
}
