import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { timeProcess } from "../process.ts";
import { untilSaid } from "./server-process.ts";

/** What clients of a container connect to. */
export interface Place {
  /** Path of the container's network namespace. */
  netns: string;
  address: string;
}

/** Of the host in its uplink: what a published port is reached by. */
export const HOST_ADDRESS = "10.99.0.2";
const ROUTER_ADDRESS = "10.99.0.1";
const HOLD = ["--net", "sh", "-c", "echo held; exec cat"] as const;

/**
 * Network namespaces: one that stands for the host, with an uplink to nowhere, and one for each container that gets a prepared one. They have no names, and
 * processes that hold them end when this one does, however it does.
 */
export class Lab {
  private readonly holders: ChildProcess[] = [];
  private places = 0;
  private host = "";

  static async make(): Promise<Lab> {
    const lab = new Lab();
    try {
      lab.host = await lab.hold();
      const router = await lab.hold();
      await lab.ip(lab.host, [
        "link set lo up",
        `link add uplink type veth peer name eth0 netns ${pidOf(router)}`,
        `addr add ${HOST_ADDRESS}/24 dev uplink`,
        "link set uplink up",
      ]);
      await lab.ip(router, [`addr add ${ROUTER_ADDRESS}/24 dev eth0`, "link set eth0 up"]);
      await lab.ip(lab.host, [`route add default via ${ROUTER_ADDRESS}`]);
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  /** What a command line begins with that is to run in the host's namespace, with the machine's mounts and cgroups. */
  get inside(): [string, ...string[]] {
    return ["nsenter", `--net=${this.host}`];
  }

  /** Runs a program there. @returns what it printed */
  async run(...argv: readonly string[]): Promise<string> {
    const [program, ...words] = this.inside;
    return (await timeProcess(program, [...words, ...argv])).output;
  }

  /** A namespace with a veth to the host, as a network manager prepares it. */
  async veth(): Promise<Place> {
    const { link, own, address } = this.nextPlace();
    const netns = await this.hold();
    await this.ip(this.host, [
      `link add ${link} type veth peer name eth0 netns ${pidOf(netns)}`,
      `addr add ${own}/24 dev ${link}`,
      `link set ${link} up`,
    ]);
    await this.ip(netns, [
      "link set lo up",
      `addr add ${address}/24 dev eth0`,
      "link set eth0 up",
      `route add default via ${own}`,
    ]);
    return { netns, address };
  }

  /** A tap of the host, for a guest that gives itself the address. */
  async tap(): Promise<{ link: string; address: string; vhost: boolean }> {
    const { link, own, address } = this.nextPlace();
    await this.ip(this.host, [
      `tuntap add dev ${link} mode tap`,
      `addr add ${own}/24 dev ${link}`,
      `link set ${link} up`,
    ]);
    return { link, address, vhost: existsSync("/dev/vhost-net") };
  }

  async close(): Promise<void> {
    await Promise.all(this.holders.map(ended));
  }

  private nextPlace(): { link: string; own: string; address: string } {
    this.places += 1;
    const network = `10.99.${this.places}`;
    return { link: `bench${this.places}`, own: `${network}.1`, address: `${network}.2` };
  }

  /** @returns the path of a new namespace */
  private async hold(): Promise<string> {
    const holder = spawn("unshare", HOLD, { stdio: ["pipe", "pipe", "inherit"] });
    this.holders.push(holder);
    await untilSaid(holder, ["held"]);
    return `/proc/${holder.pid}/ns/net`;
  }

  private async ip(netns: string, lines: readonly string[]): Promise<void> {
    for (const line of lines) await timeProcess("nsenter", [`--net=${netns}`, "ip", ...line.split(" ")]);
  }
}

function pidOf(netns: string): string {
  return netns.split("/")[2] ?? "";
}

async function ended(holder: ChildProcess): Promise<void> {
  if (holder.exitCode !== null || holder.signalCode !== null) return;
  const end = new Promise((resolve) => holder.once("exit", resolve));
  holder.stdin?.end();
  await end;
}
