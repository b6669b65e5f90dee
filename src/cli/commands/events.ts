import { NkError } from "../../base/errors.ts";
import { checkAllowed } from "../../container/lifecycle.ts";
import { durationMs } from "../go-duration.ts";
import type { Command } from "../command.ts";
import { findContainer } from "../find-container.ts";
import type { Flags } from "../options.ts";

export const events: Command = {
  spec: {
    name: "events",
    summary: "print what a container uses, again and again",
    usage: "ID",
    description:
      "Prints a line of JSON with the container's use of CPU, memory, processes and block I/O in each interval, and one when a\n" +
      "process of it was killed for its memory limit, until the container ends. Of a container in a VM the numbers are those of\n" +
      "the guest, which is asked in each interval. crun has no such command.",
    options: [
      { name: "stats", type: "switch", help: "print one line at once, and end" },
      { name: "interval", type: "text", value: "TIME", help: "as in 500ms, 5s or 1m30s (default: 5s)" },
    ],
    min: 1,
    max: 1,
    examples: ["nk-runtime events --stats mycontainer", "nk-runtime events --interval 1s mycontainer"],
  },

  async run(context) {
    const intervalMs = readInterval(context.flags);
    const { container, mode } = await findContainer(context);
    checkAllowed("events", container);
    return mode.events(container, { once: context.flags.switch("stats"), intervalMs });
  },
};

function readInterval(flags: Flags): number {
  const text = flags.text("interval") ?? "5s";
  const ms = durationMs(text);
  if (ms === undefined) {
    const found = JSON.stringify(text);
    throw new NkError("USAGE", `events: option --interval: expected a time as in 5s, found ${found}`);
  }
  if (ms <= 0) throw new NkError("USAGE", "duration interval must be greater than 0");
  return ms;
}
