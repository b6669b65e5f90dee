import { checkAllowed } from "../../container/lifecycle.ts";
import type { Command } from "../command.ts";
import { findAndTrace } from "../find-container.ts";

export const start: Command = {
  spec: {
    name: "start",
    summary: "start the process of a created container",
    usage: "ID",
    description: "Lets the process of a container that `create` made go on.",
    options: [],
    min: 1,
    max: 1,
    examples: ["nk-runtime start mycontainer"],
  },

  async run(context) {
    const { container, mode } = await findAndTrace(context);
    checkAllowed("start", container);
    await mode.start(container);
    return 0;
  },
};
