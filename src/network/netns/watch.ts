import { describeExit } from "../../host/daemon.ts";
import { spawnDaemon } from "../../host/daemon-process.ts";
import { readLines } from "../../host/lines.ts";
import { shadowPath } from "../../host/paths.ts";
import { warnings } from "../../trace/channels.ts";

/** A helper that tells what happens in a network namespace; it dies with us. */
export interface NamespaceWatch {
  /** Ends it; settles when it is gone. */
  end(): Promise<void>;
}

/**
 * @param netns a path @param onEvent is told when it begins to listen, so that what was read before is read again, and after each burst of changes
 */
export function watchNamespace(netns: string, onEvent: () => void): NamespaceWatch {
  const helper = spawnDaemon({
    name: "the watch of the network namespace",
    argv: [shadowPath(), "watch-network", netns],
  });
  let ending = false;
  void tell(helper.stdout, onEvent).catch(() => {});
  let words = "";
  helper.stderr?.setEncoding("utf8").on("data", (text: string) => (words = (words + text).slice(-1024)));
  void helper.exited.then((exit) => {
    if (ending) return;
    const reason = words.trim() || `nk-shadow watch-network ${describeExit(exit)}`;
    warnings.publish(`changes of the container's network are no longer seen: ${reason}`);
  });
  return {
    async end() {
      ending = true;
      helper.kill("SIGKILL");
      await helper.exited;
    },
  };
}

async function tell(lines: Parameters<typeof readLines>[0] | undefined, onEvent: () => void): Promise<void> {
  if (lines === undefined) return;
  for await (const _ of readLines(lines)) onEvent();
}
