import { checkAllowed } from "../../container/lifecycle.ts";
import { asNkError } from "../../base/errors.ts";
import { warnings } from "../../trace/channels.ts";
import type { Command } from "../command.ts";
import { findContainer } from "../find-container.ts";

export const deleteCommand: Command = {
  spec: {
    name: "delete",
    summary: "remove a container",
    usage: "ID",
    description:
      "Removes a container that has stopped (or was never started) and everything it holds.\n" +
      "One that runs is refused, as by runc, whose callers expect it. The exception is a container in a VM whose `run` waits in\n" +
      "the foreground (or --vm-end-on-delete): it is ended with its VM, as one switches a machine off. `rm` is the same as `delete`.",
    options: [
      {
        name: "force",
        short: "f",
        type: "switch",
        help: "in any state: kill it first; also what a crash has left; no error when there is none",
      },
    ],
    min: 1,
    max: 1,
    examples: ["nk-runtime delete mycontainer", "nk-runtime delete --force mycontainer"],
  },

  async run(context) {
    const force = context.flags.switch("force");
    try {
      const { container, mode } = await findContainer(context);
      if (!force) checkAllowed("delete", container);
      await mode.delete(container, force);
    } catch (error) {
      if (!force || !isUnreadable(error)) throw error;
      const id = context.positionals[0] ?? "";
      if (context.store.has(id)) {
        const { salvage } = await import("../../container/salvage.ts");
        await salvage(context.store, id);
      }
    }
    // Of any container: they have no id any more by which somebody could ask.
    context.store.removeAbandoned(({ message }) =>
      warnings.publish(`what a killed command has left stays: ${message}`),
    );
    return 0;
  },
};

/** No record, or one that cannot be used. */
function isUnreadable(error: unknown): boolean {
  return ["NOT_FOUND", "DAMAGED"].includes(asNkError(error).code);
}
