import { NkError } from "../../base/errors.ts";
import { askMonitor } from "../../machine/control.ts";
import { refreshMachine } from "../../machine/refresh.ts";
import type { Command } from "../command.ts";
import { findHandMade } from "../find-machine.ts";

export const vmPause: Command = {
  spec: {
    name: "vm-pause",
    summary: "stop the CPUs of a virtual machine",
    usage: "ID",
    description:
      "Stops the VM's CPUs at once, whatever they do. Its containers do not notice, but that time has passed.\nTo freeze one container, and keep its VM answering, use `pause`.",
    options: [],
    min: 1,
    max: 1,
    examples: ["nk-runtime vm-pause test-vm"],
  },

  async run(context) {
    const { id, status } = refreshMachine(findHandMade(context).record);
    if (status !== "running") throw new NkError("BAD_STATE", `cannot pause the VM ${id} that is ${status}`);
    await askMonitor(context.store, id, "POST", "/pause");
    return 0;
  },
};
