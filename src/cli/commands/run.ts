import { NkError } from "../../base/errors.ts";
import { loadMode } from "../../container/modes.ts";
import type { Command } from "../command.ts";
import { INTERACTIVE, type OptionSpec } from "../options.ts";
import { CREATE_OPTIONS, withClaim } from "./create-options.ts";

const IMAGE: OptionSpec = {
  name: "image",
  type: "text",
  value: "FILE[:NAME]",
  help: "a docker archive, OCI archive or OCI layout, in place of --bundle",
};

export const run: Command = {
  spec: {
    name: "run",
    summary: "create and start a container, and wait for it",
    usage: "ID [COMMAND [ARGUMENT...]]",
    description:
      "Does what create and start do, waits until the container's process ends, and removes the container. Exits with the\nprocess's status, or 128 and the number of the signal that ended it.\n\nWith --image, an image takes the place of the bundle: it is unpacked (docs/images.md), and removed with the container. COMMAND\nthen takes the place of the image's own.",
    options: [
      IMAGE,
      ...CREATE_OPTIONS,
      {
        name: "detach",
        short: "d",
        type: "switch",
        help: "return as soon as the process runs; at a terminal, `logs` has its output",
      },
      { name: "keep", type: "switch", help: "keep the container when its process has ended" },
      INTERACTIVE,
      {
        name: "tty",
        short: "t",
        type: "switch",
        help: "with a terminal, as process.terminal of config.json or --image has to say",
      },
      {
        name: "rm",
        type: "switch",
        help: "taken as in docker: without -d and --keep the container is removed",
      },
    ],
    min: 1,
    max: (flags) => (flags.has("image") ? Number.POSITIVE_INFINITY : 1),
    stopAtFirstPositional: (words) => words.some((word) => /^--?image(?:=|$)/.test(word)),
    examples: [
      "nk-runtime run --mode=vm --bundle=/path/to/bundle mycontainer",
      "nk-runtime run -d --bundle=/path/to/bundle mycontainer",
      "nk-runtime run --mode=vm --image=alpine.tar -it mycontainer sh",
    ],
  },

  async run(context) {
    const detach = context.flags.switch("detach");
    const keep = context.flags.switch("keep");
    if (context.flags.switch("rm")) checkRemoval(context.positionals[0] ?? "", detach, keep);
    const { status, lost } = await withClaim(context, detach, async (request) => {
      const mode = await loadMode(request.settings.mode, request.store);
      return mode.run({ ...request, detach, keep });
    });
    if (lost) {
      const { code, message, log } = lost;
      throw new NkError(code, message, { exitStatus: status, ...(log !== undefined && { log }) });
    }
    return status;
  },
};

/** Nobody is there to remove a container that others wait for. */
function checkRemoval(id: string, detach: boolean, keep: boolean): void {
  if (!detach && !keep) return;
  const mend = detach ? `run it without --rm; "nk-runtime delete --force ${id}" removes it` : "leave one out";
  throw new NkError("USAGE", `--rm and ${detach ? "-d" : "--keep"} exclude each other: ${mend}`);
}
