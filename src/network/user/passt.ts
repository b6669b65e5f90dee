import { Deadline } from "../../base/deadline.ts";
import { NkError } from "../../base/errors.ts";
import { Latch } from "../../base/latch.ts";
import type { FrameSocket } from "../../host/card.ts";
import { spawnDaemon, type DaemonProcess } from "../../host/daemon-process.ts";
import { describeExit } from "../../host/daemon.ts";
import { sandboxUser } from "../../host/sandbox-user.ts";
import { USER_NET } from "../../host/user-net.ts";
import { traced } from "../../trace/channels.ts";
import type { Publication } from "../network.ts";

/** The largest that passt has. Each frame costs it and QEMU system calls, so that large ones make a guest quicker. */
export const PASST_MTU = 65_520;

/** Of the gateway, as QEMU's own network has it: passt would take that of the host's interface. */
const GATEWAY_MAC = "52:55:0a:00:02:02";

/** It takes some 10 ms; on a host that is far too busy, seconds. */
const START_TIMEOUT_MS = 20_000;
/** It ends with its connection to the VMM, and so before a VM that ends has said so. */
const END_GRACE_MS = 2000;
const MAX_SAID_BYTES = 4096;

const WHY = "it carries the card's frames to sockets of its own, and needs no right on the host for that";

export interface PasstOptions {
  hasIpv6: boolean;
  publish: readonly Publication[];
}

/** passt(1), which serves one card as long as the VMM, and no longer than this process. */
export class Passt {
  /** Why it is there no more; settles once, unless that is for the end of the VMM or `stop`. */
  readonly lost: Promise<string>;
  private readonly process: DaemonProcess;
  private readonly stopped = new Latch();
  private said = "";

  private constructor(process: DaemonProcess, onSaid: (text: string) => void) {
    this.process = process;
    for (const stream of [process.stdout, process.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.said = (this.said + text).slice(-MAX_SAID_BYTES);
        onSaid(this.said);
      });
    this.lost = new Promise((resolve) => {
      void process.exited.then((exit) =>
        Deadline.after(END_GRACE_MS)
          .race(this.stopped.promise, "the end of the VM")
          .catch(() => resolve(`passt ${describeExit(exit)}`)),
      );
    });
  }

  /** Resolves when it has its ports. @throws NETWORK with its words, TIMEOUT */
  static async start(card: FrameSocket, options: PasstOptions): Promise<Passt> {
    const argv: [string, ...string[]] = [card.program, ...passtArgs(options, sandboxUser())];
    return traced("network", "start passt", { why: WHY, what: argv.join(" ") }, async () => {
      let ready = (): void => {};
      const isReady = new Promise<void>((resolve) => (ready = resolve));
      const command = { name: "passt", argv, connect: card.socket, changesUser: true };
      const passt = new Passt(spawnDaemon(command), (said) => {
        // What it says of its addresses, after it has bound its ports.
        if (said.includes(GATEWAY_MAC)) ready();
      });
      const ended = passt.process.exited.then((exit): never => {
        throw new NkError("NETWORK", `passt: ${passt.lastWords() || describeExit(exit)}`, {
          log: passt.said,
        });
      });
      try {
        await Deadline.after(START_TIMEOUT_MS).race(
          Promise.race([isReady, ended]),
          "passt's word that it is ready",
        );
      } catch (error) {
        await passt.stop();
        throw error;
      }
      return passt;
    });
  }

  /** Also twice. */
  async stop(): Promise<void> {
    this.stopped.resolve();
    this.process.kill("SIGKILL");
    await this.process.exited;
  }

  /** Each line that it logs has a second one where no syslog is. */
  private lastWords(): string {
    return (
      this.said
        .split("\n")
        .filter((line) => line !== "" && !line.includes("to syslog"))
        .at(-1) ?? ""
    );
  }
}

/**
 * --map-host-loopback: the guest does not reach what listens on the host's loopback device alone.
 * @param user whom it becomes: not "nobody", whom others of the host are as well
 */
export function passtArgs({ hasIpv6, publish }: PasstOptions, user: number): string[] {
  const { v4, v6 } = USER_NET;
  const words = [
    ["--foreground", "--fd", "3", "--runas", String(user)],
    ["--mtu", String(PASST_MTU), "--mac-addr", GATEWAY_MAC],
    ["--address", v4.guest, "--netmask", String(v4.prefix), "--gateway", v4.gateway],
    hasIpv6 ? ["--address", v6.guest, "--gateway", v6.gateway] : ["--ipv4-only"],
    ["--map-host-loopback", "none", "--dns-forward", v4.resolver],
    ["--no-dhcp", "--no-dhcpv6", "--no-ra"],
    ...publish.map(({ protocol, address, hostPort, port }) => [
      protocol === "tcp" ? "--tcp-ports" : "--udp-ports",
      `${address === undefined ? "" : `${address}/`}${hostPort}:${port}`,
    ]),
  ];
  return words.flat();
}
