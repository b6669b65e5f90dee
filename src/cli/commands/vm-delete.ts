import { removeContainer } from "../../container/vm-remove.ts";
import { deleteMachine } from "../../machine/control.ts";
import { refreshMachine } from "../../machine/refresh.ts";
import type { Command } from "../command.ts";
import { findHandMade } from "../find-machine.ts";

export const vmDelete: Command = {
  spec: {
    name: "vm-delete",
    summary: "remove a virtual machine",
    usage: "ID",
    description:
      "Removes a VM that vm-create has made: it must be stopped, and the containers in it deleted.",
    options: [
      {
        name: "force",
        short: "f",
        type: "switch",
        help: "stop it first, remove its containers with it; no error when there is none",
      },
    ],
    min: 1,
    max: 1,
    examples: ["nk-runtime vm-delete test-vm", "nk-runtime vm-delete --force test-vm"],
  },

  async run(context) {
    const force = context.flags.switch("force");
    const id = context.positionals[0] ?? "";
    if (force && !context.store.has(id)) return 0;
    const { machines, record } = findHandMade(context);
    await deleteMachine(machines, refreshMachine(record), force, removeContainer);
    return 0;
  },
};
