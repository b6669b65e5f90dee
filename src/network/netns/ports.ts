import { NkError } from "../../base/errors.ts";
import { spawnDaemon, type DaemonProcess } from "../../host/daemon-process.ts";
import { shadowPath } from "../../host/paths.ts";
import { traced, warnings } from "../../trace/channels.ts";
import { runNetworkCommand } from "../programs.ts";
import { firstWords } from "./helper-words.ts";

const WHY =
  "who forwards a port connects to it from within the container's network namespace, and the servers are in the guest";
/** Of nftables, in the container's namespace. */
const TABLE = "nk-ports";

/**
 * Leads connections from within a namespace to ports of its own addresses to those of the guest: a process of ours (native/network/ports.c) that listens there,
 * and rules that lead all ports to it. Both go with `end`; a namespace that outlives us has the rules until `removePorts`.
 */
export class ForwardedPorts {
  private readonly netns: string;
  private readonly monitor: string;
  private helper: DaemonProcess | undefined;

  /** @param netns a path @param monitor its control socket, where ports of the guest are asked for */
  constructor(netns: string, monitor: string) {
    this.netns = netns;
    this.monitor = monitor;
  }

  /** Never throws: the network works without. */
  async begin(): Promise<void> {
    try {
      const argv = [shadowPath(), "forward-ports", this.netns, this.monitor] as const;
      await traced("network", "forward ports to the guest", { why: WHY, what: argv.join(" ") }, async () => {
        const helper = spawnDaemon({ name: "the forwarder of ports", argv: [...argv] });
        this.helper = helper;
        await addRules(this.netns, await firstWords(helper, "nk-shadow forward-ports"));
      });
    } catch (error) {
      await this.end();
      const reason = error instanceof Error ? error.message : String(error);
      warnings.publish(`ports cannot be forwarded to the container: ${reason}`);
    }
  }

  /** @throws NETWORK */
  async end(): Promise<void> {
    const { helper } = this;
    if (helper === undefined) return;
    this.helper = undefined;
    await removePorts(this.netns).finally(() => helper.kill("SIGKILL"));
    await helper.exited;
  }
}

/** @param said "PORT4 PORT6", 0: none */
async function addRules(netns: string, said: string): Promise<void> {
  const [, four, six] = /^(\d{1,5}) (\d{1,5})\n$/.exec(said) ?? [];
  if (four === undefined || six === undefined)
    throw new NkError(
      "NETWORK",
      `expected two ports from nk-shadow forward-ports, found ${JSON.stringify(said)}`,
    );
  await runNetworkCommand({
    program: "nft",
    args: ["-f", "-"],
    input: `${rules("ip", RESOLVERS, four)}${six === "0" ? "" : rules("ip6", "", six)}`,
    netns,
    name: "lead ports of the namespace's own addresses to the guest",
    why: WHY,
  });
}

/** Docker's resolver is one: what listens there is not in the guest. */
const RESOLVERS = "    ip daddr 127.0.0.0/8 ip daddr != 127.0.0.1 return\n";

/** @param port of the helper: what was led there once is not led there again */
function rules(family: "ip" | "ip6", exceptions: string, port: string): string {
  return `table ${family} ${TABLE} {
  chain output {
    type nat hook output priority -100;
${exceptions}    fib daddr type local tcp dport != ${port} redirect to :${port}
  }
}
`;
}

/** Removes the rules, if they are there. @throws NETWORK */
export async function removePorts(netns: string): Promise<void> {
  // A table is made first: of one that is not there the removal would fail.
  const lines = ["ip", "ip6"].map((family) => `table ${family} ${TABLE}\ndelete table ${family} ${TABLE}\n`);
  await runNetworkCommand({
    program: "nft",
    args: ["-f", "-"],
    input: lines.join(""),
    netns,
    name: "remove the rules for ports of the guest",
    why: "nobody answers there any more",
  });
}
