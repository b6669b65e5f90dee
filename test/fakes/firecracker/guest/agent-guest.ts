import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Duplex } from "node:stream";
import { BUILD, startDaemon } from "./daemon.ts";
import type { GuestHardware } from "./guest.ts";
import { dialHost } from "./host-dialer.ts";
import { SilentGuest } from "./silent-guest.ts";

/**
 * The agent alone, as a process of this host that owns no machine: it says hello, is configured, answers and shuts down as in a guest.
 * There are no disks and no kernel, so it can mount nothing. When the host drops the connection the agent ends, and another one dials.
 */
export class AgentGuest extends SilentGuest {
  override async start(hardware: GuestHardware): Promise<void> {
    await super.start(hardware);
    this.run(hardware).then(this.end, this.fail);
  }

  private async run({ vsock, cmdline }: GuestHardware): Promise<"reboot" | "poweroff"> {
    if (vsock === undefined) return new Promise(() => {});
    for (;;) {
      const host = await dialHost(vsock);
      const folder = mkdtempSync(join(resolve(dirname(vsock.config.uds_path)), "agent-"));
      const folders = ["--run", `${folder}/run`, "--cgroup-root", `${folder}/cgroup`];
      const command = [join(BUILD, "guest/nk-agent"), "--fd", "3", ...folders];
      const agent = startDaemon(command, ["inherit", "inherit", "inherit", "pipe"]);
      const connection = agent.stdio[3] as Duplex;
      const hostWent = firstEnd(host, connection);
      vsock.bridge(host, connection);
      // The folder is needed to begin with only: nothing is kept in it here. Until then it is where the owner of the sockets cleans up.
      connection.once("data", () => rmSync(folder, { recursive: true, force: true }));
      const [code] = (await once(agent, "exit")) as [number | null];
      rmSync(folder, { recursive: true, force: true });
      if (code !== 0) throw new Error(`the agent ended with ${String(code)}`);
      if (!hostWent()) return /(^| )nk\.poweroff=reboot( |$)/.test(cmdline) ? "reboot" : "poweroff";
    }
  }
}

/** Whether the host was the first to end their connection. */
function firstEnd(host: Duplex, agent: Duplex): () => boolean {
  let first: Duplex | undefined;
  for (const side of [host, agent])
    for (const event of ["end", "close"]) side.once(event, () => (first ??= side));
  return () => first === host;
}
