import { loadMode } from "../../container/modes.ts";
import type { Command } from "../command.ts";
import { CREATE_OPTIONS, withClaim } from "./create-options.ts";

export const create: Command = {
  spec: {
    name: "create",
    summary: "create a container from a bundle",
    usage: "ID",
    description:
      "Makes the container that the bundle's config.json describes, up to the point where its process could start, and\nreturns. The container gets this command's standard streams; of a terminal's, `logs` has the output.\n`start` lets its process go on.",
    options: CREATE_OPTIONS,
    min: 1,
    max: 1,
    examples: [
      "nk-runtime create --bundle=/path/to/bundle mycontainer",
      "nk-runtime create --mode=vm --vm-memory=1024 --bundle=/path/to/bundle mycontainer",
    ],
  },

  async run(context) {
    return withClaim(context, true, async (request) => {
      const mode = await loadMode(request.settings.mode, request.store);
      await mode.create(request);
      return 0;
    });
  },
};
