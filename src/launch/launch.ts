import { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import { planCgroups, type CgroupJournal } from "../host/cgroup-manager.ts";
import { checkGivenUp } from "../host/give-up.ts";
import { startShadow } from "../host/shadow.ts";
import { refuseForVm, warningsForVm } from "../oci/answers.ts";
import { withResolvedDestinations } from "../oci/destinations.ts";
import { withDev } from "../oci/dev-mount.ts";
import { writePidFile } from "../state/pid-file.ts";
import type { ContainerRecord } from "../state/record.ts";
import { warnings } from "../trace/channels.ts";
import { cgroupWish, planJoin, shadowPlan, type LaunchOptions } from "./container-plan.ts";
import type { CreateRequest } from "./create-request.ts";
import { joinSandbox, type RunningSandbox } from "./join.ts";
import { journaled, type Launched } from "./launched.ts";
import { withNetworkFiles } from "./network-files.ts";
import { launchOwn } from "./own-sandbox.ts";
import { withSubmounts } from "./submounts.ts";
import { treePlan } from "./tree.ts";
import { cgroupsInRecord } from "./vm-record.ts";

/** Longer than any deadline of the monitor for the guest, so that its error arrives, which knows more. */
const JOIN_TIMEOUT_MS = 240_000;

/**
 * Has a container made in a sandbox, one of its own or a VM made by hand, and waits until it is created (or running, with `startAtOnce`). On
 * failure everything but the claim on the id is released, also when a signal is the reason.
 */
export async function launch(request: CreateRequest, options: LaunchOptions): Promise<Launched> {
  const { bundle, inside, settings, givenUp } = request;
  checkSync(request);
  refuseForVm(bundle.raw, inside?.vm.runtime ?? settings.vmRuntime);
  try {
    const launched =
      inside === undefined
        ? await launchOwn(withPlaces(request), options)
        : await launchInside(inside, request, options);
    // Not before: podman takes a log for one object, the error.
    for (const line of warningsForVm(bundle.raw, inside !== undefined)) warnings.publish(line);
    return launched;
  } catch (error) {
    // A signal to the whole process group ends the helper too, whose end is not the reason.
    await checkGivenUp(givenUp);
    throw error;
  }
}

function withPlaces(request: CreateRequest): CreateRequest {
  const bundle = { ...request.bundle, raw: withDev(request.bundle.raw) };
  const whole = { ...bundle, raw: withSubmounts(bundle) };
  return { ...request, bundle: { ...whole, raw: withResolvedDestinations(whole) } };
}

function checkSync({ settings, settled, inside }: CreateRequest): void {
  if (!settings.sync || settled?.shape.root === "disk") return;
  const found = inside === undefined ? `--vm-share=${settings.share}` : `the VM of ${inside.id}`;
  throw new NkError(
    "BAD_CONFIG",
    `--vm-sync (vm.sync) copies back from a disk of the VM: expected --vm-share=block, found ${found}, with which the files are the host's own: leave it out`,
  );
}

/** The monitor answers before the shadow is reported: the container is there then. */
async function launchInside(
  sandbox: RunningSandbox,
  asked: CreateRequest,
  options: LaunchOptions,
): Promise<Launched> {
  const { network = { kind: "none" } } = sandbox.vm;
  const request = withPlaces({ ...asked, bundle: withNetworkFiles(asked.bundle, network) });
  const { store, pidFile, givenUp } = request;
  const planned = await planCgroups(cgroupWish(request), request.cgroupManager);
  const record = recordIn(sandbox, request, planned.journal);
  const joining = await planJoin(request, options, record, network.kind !== "none");
  return journaled(record, store, async () => {
    // The guest alone holds them to limits: the VM is not only theirs.
    const cgroups = await planned.make({});
    const rest = { tree: treePlan(request), cgroups: cgroups.procs };
    const shadow = await joinSandbox(sandbox, joining, (monitor) => {
      const plan = shadowPlan(request, options, joining.job, { ...rest, monitor });
      return startShadow(plan, Deadline.after(JOIN_TIMEOUT_MS), givenUp);
    }).finally(() => cgroups.release());
    if (pidFile !== undefined) writePidFile(pidFile, shadow.pid);
    return { shadow, stepsHeard: 0 };
  });
}

function recordIn(
  { id, vm }: RunningSandbox,
  { record }: CreateRequest,
  cgroups: CgroupJournal,
): ContainerRecord {
  return { ...record, vm: { ...vm, sandbox: id, ...cgroupsInRecord(cgroups) } };
}
