import { talkToAgent } from "../../machine/agent-lines.ts";
import type { Command } from "../command.ts";
import { findRunning } from "../find-machine.ts";

export const vmAgent: Command = {
  spec: {
    name: "vm-agent",
    summary: "send requests to the agent of a virtual machine",
    usage: "ID",
    description:
      "Reads requests of protocol/agent-protocol.md from standard input, one JSON object a line, and prints the agent's answers,\none a line. Exits with 1 when one of them is an error.",
    options: [],
    min: 1,
    max: 1,
    examples: [
      `echo '{"type":"health"}' | nk-runtime vm-agent test-vm`,
      "# a container of the agent's own, from the folder that the VM was given:",
      "nk-runtime vm-create --bundle=/path/to/bundle test-vm && nk-runtime vm-start test-vm",
      `echo '{"type":"create","id":"test","bundle":"/mnt/bundle"}' | nk-runtime vm-agent test-vm`,
      `echo '{"type":"start","id":"test"}' | nk-runtime vm-agent test-vm`,
    ],
  },

  async run({ positionals, store }) {
    const { id } = await findRunning(store, positionals[0] ?? "");
    return (await talkToAgent(store, id)) ? 0 : 1;
  },
};
