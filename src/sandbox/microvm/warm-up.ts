import type { AgentClient } from "../../agent/agent-client.ts";
import type { ExitEvent } from "../../agent/messages.ts";
import { Deadline } from "../../base/deadline.ts";
import { NkError } from "../../base/errors.ts";
import { guestConfig } from "../../oci/guest-config.ts";
import { specTemplate } from "../../oci/spec-template.ts";
import { traced } from "../../trace/channels.ts";

/** A container whose files are the guest's own: it has nothing of the host. */
export const WARM_UP_ID = "warm-up";
const ROOT = "/run/nk/roots/warm-up";
const TIMEOUT_MS = 60_000;
const WHY =
  "what the first container of a guest pays for once, pages of code above all, is paid before somebody waits for it";

/**
 * Runs a throw-away container in a guest that waits for its first.
 * @param runtime of the guest: it is the container's program as well
 * @param exited settles with the end of that container
 */
export async function warmUp(agent: AgentClient, runtime: string, exited: Promise<ExitEvent>): Promise<void> {
  const template = specTemplate();
  const process = {
    ...(template["process"] as object),
    terminal: false,
    args: [`/bin/${runtime}`, "--version"],
  };
  const config = guestConfig({ ...template, process }, WARM_UP_ID, "/nowhere", true);
  await traced("agent", "run a throw-away container", { why: WHY }, async () => {
    await agent.mount({ target: ROOT, fstype: "tmpfs", source: "tmpfs", options: "" });
    await agent.mount({ target: `${ROOT}/bin`, fstype: "bind", source: "/bin", options: "" });
    await agent.create(WARM_UP_ID, config, ROOT, { streams: {}, terminal: false, rows: 0, cols: 0 });
    await agent.start(WARM_UP_ID);
    const { code, signal } = await Deadline.after(TIMEOUT_MS).race(
      exited,
      "the end of the throw-away container",
    );
    await agent.delete(WARM_UP_ID, true);
    await agent.unmount(`${ROOT}/bin`);
    await agent.unmount(ROOT);
    if (code !== 0 || signal !== 0)
      throw new NkError(
        "RUNTIME",
        `the throw-away container ended with status ${code}, signal ${signal}: expected 0`,
      );
  });
}
