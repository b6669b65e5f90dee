import { refresh } from "../../container/modes.ts";
import { ociState } from "../../oci/state.ts";
import type { Command } from "../command.ts";
import { print } from "../../base/print.ts";

export const state: Command = {
  spec: {
    name: "state",
    summary: "print the state of a container",
    usage: "ID",
    description: "Prints the state as JSON, in the form of the runtime specification, with `mode` added.",
    options: [{ name: "short", type: "switch", help: "only status and mode: running (vm)" }],
    min: 1,
    max: 1,
    examples: ["nk-runtime state mycontainer", "nk-runtime state --short mycontainer"],
  },

  async run(context) {
    const { positionals, store } = context;
    const container = await refresh(store.read(positionals[0] ?? ""), store);
    const short = `${container.status} (${container.mode})`;
    const text = context.flags.switch("short") ? short : JSON.stringify(ociState(container), null, 2);
    await print(`${text}\n`);
    return 0;
  },
};
