import { listMachines, type MachineView } from "../../machine/view.ts";
import type { Command } from "../command.ts";
import { formatOption } from "../options.ts";
import { refresher } from "../find-machine.ts";
import { print } from "../../base/print.ts";
import { formatTable } from "../output.ts";

export const vmList: Command = {
  spec: {
    name: "vm-list",
    summary: "list virtual machines",
    usage: "",
    description: "Lists the VMs below --root: those that vm-create has made, and those of containers.",
    options: [
      { name: "quiet", short: "q", type: "switch", help: "only their ids" },
      formatOption("table", "json"),
    ],
    min: 0,
    max: 0,
    examples: ["nk-runtime vm-list", "nk-runtime vm-list --format json"],
  },

  async run({ flags, store }) {
    const machines = await listMachines(store, refresher(store));
    if (flags.switch("quiet")) await print(machines.map(({ id }) => `${id}\n`).join(""));
    else if (flags.text("format") === "json") await print(`${JSON.stringify(machines)}\n`);
    else await print(table(machines));
    return 0;
  },
};

function table(machines: MachineView[]): string {
  const rows = machines.map(({ id, status, madeBy, vm, containers }) => [
    id,
    status,
    vm.vmm,
    vm.accel,
    String(vm.vcpus),
    `${vm.memSizeMib} MiB`,
    madeBy,
    containers.map((container) => container.id).join(" "),
  ]);
  return formatTable([["ID", "STATUS", "VMM", "ACCEL", "VCPUS", "MEMORY", "MADE BY", "CONTAINERS"], ...rows]);
}
