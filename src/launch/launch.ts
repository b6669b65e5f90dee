import { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import { planCgroups, type CgroupJournal } from "../host/cgroup-manager.ts";
import { checkGivenUp } from "../host/give-up.ts";
import { startShadow } from "../host/shadow.ts";
import type { Bundle } from "../oci/bundle.ts";
import { withResolvedDestinations } from "../oci/destinations.ts";
import type { MachineRecord } from "../state/machine-record.ts";
import { writePidFile } from "../state/pid-file.ts";
import type { ContainerRecord } from "../state/record.ts";
import { warnings } from "../trace/channels.ts";
import { cgroupWish, planJoin, shadowPlan, type LaunchOptions } from "./container-plan.ts";
import type { CreateRequest } from "./create-request.ts";
import { findMachine, joinSandbox } from "./join.ts";
import { journaled, type Launched } from "./launched.ts";
import { withNetworkFiles } from "./network-files.ts";
import { launchOwn } from "./own-sandbox.ts";
import { treePlan } from "./tree.ts";
import { cgroupsInRecord } from "./vm-record.ts";

/** Longer than any deadline of the monitor for the guest, so that its error arrives, which knows more. */
const JOIN_TIMEOUT_MS = 240_000;

/**
 * Has a container made in a sandbox, one of its own or a VM made by hand, and waits until it is created (or running, with `startAtOnce`). On
 * failure everything but the claim on the id is released, also when a signal is the reason.
 */
export async function launch(request: CreateRequest, options: LaunchOptions): Promise<Launched> {
  const { store, machine, givenUp } = request;
  checkSync(request);
  try {
    return machine === undefined
      ? await launchOwn(withPlaces(request), options)
      : await launchInside(findMachine(store, machine), request, options);
  } catch (error) {
    // A signal to the whole process group ends the helper too, whose end is not the reason.
    await checkGivenUp(givenUp);
    throw error;
  }
}

function withPlaces(request: CreateRequest): CreateRequest {
  const { bundle } = request;
  return { ...request, bundle: { ...bundle, raw: withResolvedDestinations(bundle) } };
}

function checkSync({ settings, settled, machine }: CreateRequest): void {
  if (!settings.sync || settled?.shape.root === "disk") return;
  const found = machine === undefined ? `--vm-share=${settings.share}` : `--vm=${machine}`;
  throw new NkError(
    "BAD_CONFIG",
    `--vm-sync (vm.sync) copies back from a disk of the VM: expected --vm-share=block, found ${found}, with which the files are the host's own: leave it out`,
  );
}

/** The monitor answers before the shadow is reported: the container is there then. */
async function launchInside(
  machine: MachineRecord,
  asked: CreateRequest,
  options: LaunchOptions,
): Promise<Launched> {
  const { network = { kind: "none" } } = machine.vm;
  warnOfOtherNetwork(machine.id, asked.bundle);
  const request = withPlaces({ ...asked, bundle: withNetworkFiles(asked.bundle, network) });
  const { store, pidFile, givenUp } = request;
  const planned = await planCgroups(cgroupWish(request), request.systemdCgroup);
  const record = recordIn(machine, request, planned.journal);
  const joining = planJoin(request, options, record, network.kind !== "none");
  const home = { stateDir: store.dirOf(machine.id), holderPid: machine.pid };
  return journaled(record, store, async () => {
    // The guest alone holds them to limits: the VM is not only theirs.
    const cgroups = await planned.make({});
    const rest = { tree: treePlan(request), cgroups: cgroups.procs };
    const shadow = await joinSandbox(home, joining, (monitor) => {
      const plan = shadowPlan(request, options, joining.job, { ...rest, monitor });
      return startShadow(plan, Deadline.after(JOIN_TIMEOUT_MS), givenUp);
    }).finally(() => cgroups.release());
    if (pidFile !== undefined) writePidFile(pidFile, shadow.pid);
    return { shadow, stepsHeard: 0 };
  });
}

/** Who has put interfaces there would look for the container in it. */
function warnOfOtherNetwork(machine: string, { config }: Bundle): void {
  const path = config.linux?.namespaces?.find(({ type }) => type === "network")?.path;
  if (path === undefined) return;
  warnings.publish(
    `the container has the network of the VM ${machine}, and not what is in the network namespace ${path} of its config.json: a VM of its own takes that over (leave out --vm)`,
  );
}

function recordIn(
  { id, vm }: MachineRecord,
  { record }: CreateRequest,
  cgroups: CgroupJournal,
): ContainerRecord {
  return { ...record, vm: { ...vm, machine: id, ...cgroupsInRecord(cgroups) } };
}
