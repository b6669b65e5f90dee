import { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import type { Adoption } from "../contract/adoption.ts";
import { planCgroups } from "../host/cgroup-manager.ts";
import { unlessGivenUp } from "../host/give-up.ts";
import { startShadow, type Shadow } from "../host/shadow.ts";
import { vmLimits } from "../oci/host-limits.ts";
import { vmResources } from "../oci/pod-limits.ts";
import { writePidFile } from "../state/pid-file.ts";
import { heardSpans, traced } from "../trace/channels.ts";
import { tellBoot } from "../trace/slow.ts";
import { configNeeds } from "../vm/config-needs.ts";
import { cgroupWish, planJoin, shadowPlan, type Joining, type LaunchOptions } from "./container-plan.ts";
import { broken } from "./broken.ts";
import type { CreateRequest } from "./create-request.ts";
import { diskRoot } from "./disk-root.ts";
import { joinSandbox } from "./join.ts";
import { takeFromPool } from "./pool.ts";
import { journaled, type Launched } from "./launched.ts";
import { refillPool } from "./refill.ts";
import { startSandbox, type SandboxPlan, type OpenedSandbox } from "./sandbox.ts";
import { treePlan, volumesPlan } from "./tree.ts";
import { vmRecord } from "./vm-record.ts";

/** Longer than the monitor's own deadline for a boot, so that its error arrives, which knows more. */
const LAUNCH_TIMEOUT_MS = 240_000;
/** A disk image of some million files takes minutes. */
const IMAGE_TIMEOUT_MS = 1_800_000;

const WHY = "the shadow stands for the container on the host, the monitor owns its VM";

/** Starts a sandbox for one container, which joins it as soon as its monitor listens: its shadow is made while the VM boots. */
export async function launchOwn(request: CreateRequest, options: LaunchOptions): Promise<Launched> {
  const { bundle, store, id, settings, settled, network } = request;
  if (settled === undefined || network === undefined)
    throw new NkError("INTERNAL", "nobody has settled what the VM is");
  const disk = settled.shape.root === "disk" ? diskRoot(bundle, settings.sync) : undefined;
  const planned = await planCgroups(cgroupWish(request), request.cgroupManager);
  const record = { ...request.record, vm: vmRecord(settled, settings, planned.journal) };
  const joining = await planJoin(request, options, record, network.kind !== "none");
  const timeoutMs = LAUNCH_TIMEOUT_MS + (disk ? IMAGE_TIMEOUT_MS : 0);
  return journaled(record, store, async () => {
    const cgroups = await planned.make(vmLimits(vmResources(bundle.config), settings.memSizeMib));
    const { procs, cpuLimits } = cgroups;
    const plan: SandboxPlan = {
      stateDir: store.dirOf(id),
      job: {
        id,
        home: { container: record, cpuLimits, network },
        settings,
        settled,
        needs: [...configNeeds(joining.job.guestConfig)],
        narrate: heardSpans.hasSubscribers,
        ...(disk && { disk }),
      },
      mounts: [],
      cgroups: procs,
    };
    const adoption: Adoption = { container: record, cpuLimits, network, cgroups: procs };
    return traced("cli", "all of it, from shadow and monitor on", { why: WHY }, () =>
      tellBoot(() =>
        bootAndJoin({ request, options, plan, joining, adoption, deadline: Deadline.after(timeoutMs) }),
      ),
    ).finally(() => cgroups.release());
  });
}

interface Start {
  request: CreateRequest;
  options: LaunchOptions;
  plan: SandboxPlan;
  joining: Joining;
  /** For a VM that is taken from a pool. */
  adoption: Adoption;
  deadline: Deadline;
}

async function bootAndJoin(start: Start): Promise<Launched> {
  const { request, plan, deadline } = start;
  const { givenUp, pidFile } = request;
  const sandbox =
    (await takeFromPool(request, start.adoption)) ?? (await startSandbox(plan, deadline, givenUp));
  let shadow: Shadow | undefined;
  try {
    await deadline.race(unlessGivenUp(givenUp, sandbox.report.listening), "the monitor's control socket");
    shadow = await joinIt(start, sandbox);
    const ready = unlessGivenUp(givenUp, sandbox.report.ready);
    const stepsHeard = await deadline.race(ready, "the container's creation");
    if (pidFile !== undefined) writePidFile(pidFile, shadow.pid);
    return { shadow, stepsHeard };
  } catch (error) {
    const reason = await broken(sandbox, shadow, error);
    // The launcher restores the terminal, on which the error is said.
    if (start.options.wait) await shadow?.exitStatus();
    throw reason;
  } finally {
    // Not before: it takes a CPU for some tenths of a second.
    if (sandbox.isFromPool) refillPool(request.store.root);
  }
}

function joinIt({ request, options, plan, joining, deadline }: Start, home: OpenedSandbox): Promise<Shadow> {
  const { disk } = plan.job;
  const tree = disk ? volumesPlan(request, disk.sync) : treePlan(request);
  return joinSandbox(home, joining, (monitor) => {
    const shadow = shadowPlan(request, options, joining.job, { tree, cgroups: plan.cgroups, monitor });
    return startShadow(shadow, deadline, request.givenUp);
  });
}
