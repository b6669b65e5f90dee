import { NkError } from "../../base/errors.ts";
import { OutputReader, whereOutputGoes } from "../../container/read-output.ts";
import type { Command } from "../command.ts";
import { findContainer } from "../find-container.ts";

export const logs: Command = {
  spec: {
    name: "logs",
    summary: "print what a container has written",
    usage: "ID",
    description:
      "Prints what a container has written that create or run -d started at a terminal: its output and errors together, the last\n" +
      "4 MiB at most, until the container is deleted. Where a program, a pipe or a file took the output, it is there: this says where.",
    options: [
      { name: "follow", short: "f", type: "switch", help: "go on with what comes, until the container ends" },
    ],
    min: 1,
    max: 1,
    examples: ["nk-runtime logs mycontainer", "nk-runtime logs -f mycontainer"],
  },

  async run(context) {
    const { container } = await findContainer(context);
    const reader = new OutputReader(context.store.dirOf(container.id));
    if (!reader.isKept) {
      throw new NkError(
        "UNSUPPORTED",
        `the output of ${container.id} is not kept, as that of create and run -d at a terminal is: ${whereOutputGoes(container)}`,
      );
    }
    if (context.flags.switch("follow")) await reader.follow();
    else await reader.printNew();
    return 0;
  },
};
