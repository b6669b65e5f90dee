import { checkAllowed } from "../../container/lifecycle.ts";
import type { Command } from "../command.ts";
import { findAndTrace } from "../find-container.ts";

export const resume: Command = {
  spec: {
    name: "resume",
    summary: "let a paused container go on",
    usage: "ID",
    description: "Thaws the processes that `pause` froze.",
    options: [],
    min: 1,
    max: 1,
    examples: ["nk-runtime resume mycontainer"],
  },

  async run(context) {
    const { container, mode } = await findAndTrace(context);
    checkAllowed("resume", container);
    await mode.resume(container);
    return 0;
  },
};
