import { confined } from "./confinement.ts";
import { channelNumbers, type DaemonCommand } from "./daemon-process.ts";
import type { PlannedDaemon } from "./shadow-plan.ts";

/** A confined daemon that is to be started by the launcher, which gives it two descriptors more than its channels. */
export function plannedDaemon({
  name,
  argv,
  channels = 0,
  confinement = { libraries: [] },
}: DaemonCommand): PlannedDaemon {
  const kept = channelNumbers(channels);
  return {
    name,
    argv: [...confined(confinement, kept, { status: 3 + channels, tree: 4 + channels }), ...argv],
    channels,
  };
}
