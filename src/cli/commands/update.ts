import { checkAllowed } from "../../container/lifecycle.ts";
import { changeFromFile, changeFromFlags, RESOURCE_FLAGS } from "../../oci/resource-change.ts";
import type { Command } from "../command.ts";
import { findAndTrace } from "../find-container.ts";
import type { OptionSpec } from "../options.ts";

const RDT_OPTIONS: readonly OptionSpec[] = [
  {
    name: "l3-cache-schema",
    type: "text",
    value: "SCHEMA",
    help: "Intel RDT: L3 cache schema (container mode)",
  },
  {
    name: "mem-bw-schema",
    type: "text",
    value: "SCHEMA",
    help: "Intel RDT: memory bandwidth (container mode)",
  },
];

const VALUES = { text: "LIST", int: "N", uint: "N", bytes: "BYTES" };

export const update: Command = {
  spec: {
    name: "update",
    summary: "change a container's limits",
    usage: "ID",
    description:
      "Changes limits of a container that has not stopped. What is not given, or 0, stays as it is. FILE has members of\n" +
      "linux.resources (runtime-spec config-linux.md); with it the other options count nothing. For a container in a VM memory,\n" +
      "CPU and pids limits are changed in the guest, and the CPU limits of its own VM on the host as well; the VM's own memory\n" +
      "and CPUs stay as they are, so that a memory limit above them is refused.",
    options: [
      {
        name: "resources",
        short: "r",
        type: "text",
        value: "FILE",
        help: "take the limits (JSON) from FILE; -: from standard input",
      },
      ...RESOURCE_FLAGS.map(({ name, kind, help }): OptionSpec => ({
        name,
        type: "text",
        value: VALUES[kind],
        help,
      })),
      ...RDT_OPTIONS,
    ],
    min: 1,
    max: 1,
    examples: [
      "nk-runtime update --memory 256m --pids-limit 100 mycontainer",
      `echo '{"cpu":{"quota":50000,"period":100000}}' | nk-runtime update -r - mycontainer`,
    ],
  },

  async run(context) {
    const { flags } = context;
    const { container, mode } = await findAndTrace(context);
    checkAllowed("update", container);
    const file = flags.text("resources") ?? "";
    const change = file === "" ? changeFromFlags((name) => flags.text(name)) : changeFromFile(file);
    const rdt = RDT_OPTIONS.flatMap(({ name }) => {
      const schema = flags.text(name) ?? "";
      return schema === "" ? [] : [`--${name}`, schema];
    });
    await mode.update(container, { change, rdt });
    return 0;
  },
};
