import { join } from "node:path";
import { refreshMachine } from "../../machine/refresh.ts";
import { startMachine } from "../../machine/start.ts";
import { installRecorder } from "../../trace/recorder.ts";
import type { Command } from "../command.ts";
import { findHandMade } from "../find-machine.ts";

export const vmStart: Command = {
  spec: {
    name: "vm-start",
    summary: "boot a virtual machine",
    usage: "ID",
    description:
      "Boots a VM that vm-create has made, or that was stopped, and returns when its agent has answered.",
    options: [],
    min: 1,
    max: 1,
    examples: ["nk-runtime vm-start test-vm", "nk-runtime vm-start --educational test-vm"],
  },

  async run(context) {
    const { machines, record } = findHandMade(context);
    installRecorder(join(context.store.dirOf(record.id), "trace.jsonl"));
    await startMachine(machines, refreshMachine(record));
    return 0;
  },
};
