import { NkError } from "../../base/errors.ts";
import { print } from "../../base/print.ts";
import { USER_NET } from "../../host/user-net.ts";
import { inspectNetwork, type NetworkView, type TapView } from "../../network/inspect.ts";
import type { Command } from "../command.ts";
import { findRunning } from "../find-machine.ts";
import { formatOption } from "../options.ts";
import { formatTable } from "../output.ts";

export const vmNet: Command = {
  spec: {
    name: "vm-net",
    summary: "show the network of a virtual machine",
    usage: "ID",
    description:
      "Prints what the VM's network card is connected to (docs/networking.md): the tap with its namespace and counters, addresses, ports,\nand the rules of the host's kernel that are about it.",
    options: [formatOption("text", "json")],
    min: 1,
    max: 1,
    examples: ["nk-runtime vm-net test-vm", "nk-runtime vm-net --format json test-vm"],
  },

  async run({ flags, positionals, store, requireRoot }) {
    requireRoot();
    const { id, pid, vm } = await findRunning(store, positionals[0] ?? "");
    if (vm.network === undefined) throw new NkError("BAD_STATE", `the VM ${id} has no network yet`);
    const view = await inspectNetwork(vm.network, { container: pid, monitor: vm.monitorPid });
    await print(flags.text("format") === "json" ? `${JSON.stringify(view, null, 2)}\n` : networkText(view));
    return 0;
  },
};

/** For people: a line for each thing, then the rules as `tc` or `nft` print them. */
export function networkText({ record, tap }: NetworkView): string {
  const rows = [["kind", record.kind], ...recordRows(record), ...(tap ? tapRows(tap) : [])];
  const rules = tap?.rules.trim();
  return `${formatTable(rows)}${rules ? `\n${rules}\n` : ""}`;
}

function recordRows(record: NetworkView["record"]): string[][] {
  if (record.kind === "netns") return [["namespace", record.netns]];
  if (record.kind === "none") return [];
  const published = record.publish.map((port) => ["published", port]);
  if (record.kind === "user") {
    const { guest, prefix, gateway } = USER_NET.v4;
    return [["address", `${guest}/${prefix}, the same in each VM`], ["gateway", gateway], ...published];
  }
  return [
    ["bridge", record.bridge],
    ["guest's MAC", record.mac],
    ...record.addresses.map((address) => ["address", address]),
    ...published,
  ];
}

function tapRows({ name, netns, mac, mtu, state, received, sent }: TapView): string[][] {
  const told = ({ bytes, packets, dropped }: TapView["sent"]): string =>
    `${bytes} bytes in ${packets} packets, ${dropped} dropped`;
  return [
    ["tap", `${name} in ${netns}, ${state}, MTU ${mtu}, ${mac}`],
    ["to the guest", told(received)],
    ["from the guest", told(sent)],
  ];
}
