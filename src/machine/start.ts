import { rmSync } from "node:fs";
import { join } from "node:path";
import { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import { makeCgroup } from "../host/cgroup.ts";
import { removeCgroups } from "../host/cgroup-remove.ts";
import { cardFor, chooseNetwork } from "../launch/network-choice.ts";
import { settleVm } from "../launch/settle-vm.ts";
import { startSandbox, type SandboxPlan } from "../launch/sandbox.ts";
import type { NetworkSpec } from "../network/network.ts";
import { VIRTIOFS_SOCKET } from "../share/virtiofs.ts";
import { hold } from "../state/claim.ts";
import { TREE_FOLDER, type MachineRecord } from "../state/machine-record.ts";
import type { MachineStore } from "../state/machine-store.ts";
import { heardSpans, traced } from "../trace/channels.ts";
import { tellBoot } from "../trace/slow.ts";
import type { Settled } from "../vm/driver.ts";
import { bundleVolumes } from "./bundle-folder.ts";
import { isLive } from "./refresh.ts";

/** Longer than the monitor's own deadline for a boot, so that its error arrives, which knows more. */
const START_TIMEOUT_MS = 240_000;

const WHY = "the shadow holds the files of the VM's containers, the monitor owns the VM";

/**
 * Boots a VM that was made by hand; resolves when its agent has answered. On failure it is stopped, as it was.
 * @throws BAD_STATE, and what the monitor throws
 */
export async function startMachine(machines: MachineStore, machine: MachineRecord): Promise<void> {
  const { id } = machine;
  if (isLive(machine)) throw new NkError("BAD_STATE", `the VM ${id} is ${machine.status} already`);
  // Anew: the host and the guest image may have changed.
  const network = await chooseNetwork(machine.settings, { isByHand: true });
  const wish = { takesMany: true, needsVolumes: true, card: cardFor(network) };
  const settled = await settleVm(machine.settings, wish);
  const stateDir = machines.store.dirOf(id);
  if (!hold(stateDir)) throw new NkError("BAD_STATE", `another command starts or clears the VM ${id}`);
  clearRemains(stateDir);
  try {
    await traced("cli", "start shadow, monitor and VM", { why: WHY }, async () => {
      const deadline = Deadline.after(START_TIMEOUT_MS);
      const sandbox = await startSandbox(sandboxPlan(machine, network, settled, stateDir), deadline);
      try {
        await tellBoot(() => deadline.race(sandbox.report.ready, "the VM's boot"));
      } catch (error) {
        await sandbox.end();
        throw error;
      }
    });
  } catch (error) {
    await removeCgroups(machine.vm.cgroups, stateDir);
    machines.write({ ...machine, status: machine.status === "created" ? "created" : "stopped" });
    throw error;
  }
}

/** What a monitor that was killed has left, and the files of containers that are gone with it. */
function clearRemains(stateDir: string): void {
  for (const name of ["control.sock", "agent.sock", "qmp.sock", VIRTIOFS_SOCKET])
    rmSync(join(stateDir, name), { force: true });
  rmSync(join(stateDir, TREE_FOLDER), { recursive: true, force: true });
}

function sandboxPlan(
  machine: MachineRecord,
  network: NetworkSpec,
  settled: Settled,
  stateDir: string,
): SandboxPlan {
  const { id, settings, bundle, bundleRoot, vm } = machine;
  return {
    stateDir,
    job: {
      id,
      home: { machine, network },
      settings,
      settled,
      needs: [],
      narrate: heardSpans.hasSubscribers,
    },
    mounts: bundle === undefined ? [] : bundleVolumes(bundle, bundleRoot),
    cgroups: makeCgroup({ made: vm.cgroups, joined: vm.joinedCgroups ?? [] }),
  };
}
