import type { AgentClient } from "../../agent/agent-client.ts";
import { defaultRoute } from "../../agent/default-route.ts";
import type { GuestNetwork } from "../../agent/guest-network.ts";
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

/** All that a usual network has, by addresses of nobody (RFC 5737, RFC 3849): the card leads nowhere yet. */
const NETWORK: GuestNetwork = {
  links: [
    {
      name: "eth0",
      mac: "02:6e:6b:00:00:02",
      mtu: 1500,
      isUp: true,
      isCard: true,
      acceptRa: false,
      addresses: [
        { address: "192.0.2.2", prefix: 24, broadcast: "192.0.2.255", scope: 0 },
        { address: "2001:db8::2", prefix: 64, scope: 0 },
      ],
    },
  ],
  routes: ["192.0.2.1", "2001:db8::1"].map((gateway) => defaultRoute("eth0", gateway)),
  rules: [],
  neighbours: ["192.0.2.1", "2001:db8::1"].map((address) => ({
    link: "eth0",
    address,
    mac: "02:6e:6b:00:00:03",
  })),
  files: { hosts: "", resolvConf: "" },
};
const NO_NETWORK: GuestNetwork = { links: [], routes: [], rules: [], neighbours: [] };

/** Gives the guest's card a throw-away network, and takes it off again. */
export async function warmUpCard(agent: AgentClient): Promise<void> {
  await traced("agent", "configure a throw-away network", { why: WHY }, async () => {
    await agent.network(NETWORK);
    await agent.network(NO_NETWORK);
  });
}

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
