import { NkError } from "../../base/errors.ts";
import { askMonitor } from "../../machine/control.ts";
import { refreshMachine } from "../../machine/refresh.ts";
import type { Command } from "../command.ts";
import { findHandMade } from "../find-machine.ts";

export const vmResume: Command = {
  spec: {
    name: "vm-resume",
    summary: "let a paused virtual machine go on",
    usage: "ID",
    description: "Lets the CPUs of a VM go on that vm-pause has stopped.",
    options: [],
    min: 1,
    max: 1,
    examples: ["nk-runtime vm-resume test-vm"],
  },

  async run(context) {
    const { id, status } = refreshMachine(findHandMade(context).record);
    if (status !== "paused") throw new NkError("BAD_STATE", `cannot resume the VM ${id} that is ${status}`);
    await askMonitor(context.store, id, "POST", "/resume");
    return 0;
  },
};
