import { checkAllowed } from "../../container/lifecycle.ts";
import type { Command } from "../command.ts";
import { findAndTrace } from "../find-container.ts";

export const pause: Command = {
  spec: {
    name: "pause",
    summary: "freeze all processes of a container",
    usage: "ID",
    description:
      "Freezes the container's cgroup: its processes keep their memory and run no more until `resume`.",
    options: [],
    min: 1,
    max: 1,
    examples: ["nk-runtime pause mycontainer"],
  },

  async run(context) {
    const { container, mode } = await findAndTrace(context);
    checkAllowed("pause", container);
    await mode.pause(container);
    return 0;
  },
};
