import { findMachine } from "../../machine/view.ts";
import type { Command } from "../command.ts";
import { formatOption } from "../options.ts";
import { refresher } from "../find-machine.ts";
import { print } from "../../base/print.ts";

export const vmState: Command = {
  spec: {
    name: "vm-state",
    summary: "print the state of a virtual machine",
    usage: "ID",
    description:
      "Prints one word: created, starting, running, paused or stopped; as JSON everything that is known of the VM.\nThe VM of a container has the container's id.",
    options: [formatOption("text", "json")],
    min: 1,
    max: 1,
    examples: ["nk-runtime vm-state test-vm", "nk-runtime vm-state --format json test-vm"],
  },

  async run({ flags, positionals, store }) {
    const machine = await findMachine(store, positionals[0] ?? "", refresher(store));
    await print(
      flags.text("format") === "json" ? `${JSON.stringify(machine, null, 2)}\n` : `${machine.status}\n`,
    );
    return 0;
  },
};
