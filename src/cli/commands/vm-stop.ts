import { NkError } from "../../base/errors.ts";
import { askMonitor, stopMachine } from "../../machine/control.ts";
import { isLive, refreshMachine } from "../../machine/refresh.ts";
import { findMachine } from "../../machine/view.ts";
import { MachineStore } from "../../state/machine-store.ts";
import type { Command } from "../command.ts";
import { refresher } from "../find-machine.ts";

export const vmStop: Command = {
  spec: {
    name: "vm-stop",
    summary: "end a virtual machine and all that runs in it",
    usage: "ID",
    description:
      "Kills the containers in the VM, lets the guest write back what it holds, and ends the VM. A VM that vm-create has made\ncan be started again; that of a container is gone, and the container has stopped.",
    options: [{ name: "force", short: "f", type: "switch", help: "also a VM whose monitor does not answer" }],
    min: 1,
    max: 1,
    examples: ["nk-runtime vm-stop test-vm"],
  },

  async run({ flags, positionals, store }) {
    const id = positionals[0] ?? "";
    const machines = new MachineStore(store);
    if (!machines.has(id)) return stopOfContainer(store, id);
    const record = refreshMachine(machines.read(id));
    if (!isLive(record)) throw notRunning(id, record.status);
    await stopMachine(machines, record, flags.switch("force"));
    return 0;
  },
};

async function stopOfContainer(store: MachineStore["store"], id: string): Promise<number> {
  const { status } = await findMachine(store, id, refresher(store));
  if (status === "stopped") throw notRunning(id, status);
  await askMonitor(store, id, "POST", "/stop");
  return 0;
}

function notRunning(id: string, status: string): NkError {
  return new NkError("BAD_STATE", `cannot stop the VM ${id} that is ${status}`);
}
