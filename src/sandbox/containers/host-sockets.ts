import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { connect, type Socket } from "node:net";
import type { AgentClient } from "../../agent/agent-client.ts";
import type { ConnectionEvent } from "../../agent/messages.ts";
import { NkError } from "../../base/errors.ts";
import { complain } from "../../base/logger.ts";
import type { HostSocket } from "../../contract/job.ts";
import { spawnDaemon, type DaemonProcess } from "../../host/daemon-process.ts";
import { shadowPath } from "../../host/paths.ts";
import { volumePath } from "../../oci/guest-mounts.ts";
import { traced } from "../../trace/channels.ts";
import { HostConnection } from "../streams/host-connection.ts";
import { HostDatagrams } from "../streams/host-datagrams.ts";
import { ShadowStream } from "../streams/route.ts";
import type { StreamRouter } from "../streams/stream-router.ts";

/** Of one container, at a time. The guest's credit bounds what each costs. */
const MAX_CONNECTIONS = 64;
/** NK_MAX_CONNECTIONS of guest/agent/base/agent.h. */
const MAX_ANSWERS = 256;
/** O_PATH of open(2), which node does not name. */
const O_PATH = 0o10000000;
/** TREE_ROOT_FD of native/shadow/tree.h. */
const TREE_FD = 11;

/** One that is relayed. */
interface Relayed {
  /** Of the file itself, whatever becomes of its name. */
  fd: number;
  datagrams?: { helper: DaemonProcess; end: HostDatagrams };
}

const WHY =
  "the file of a Unix socket leads to a socket of the kernel that has it: the guest gets one of its own in its place, and what is said to it is said to the host's";

/**
 * The Unix sockets of the host that a container's bind mounts bring. The agent has a socket in the place of each and tells of connections to it; each becomes
 * a connection to the host's. Which sockets, was settled at create: the guest names none.
 */
export class HostSockets {
  private readonly sockets: readonly HostSocket[];
  private readonly shadowPid: number;
  private readonly router: StreamRouter;
  private readonly relayed = new Map<number, Relayed>();
  private readonly connections = new Set<HostConnection>();
  /** Connections, those on their way to the host included. */
  private held = 0;
  private answering = 0;
  private agent: AgentClient | undefined;

  constructor(sockets: readonly HostSocket[], shadowPid: number, router: StreamRouter) {
    this.sockets = sockets;
    this.shadowPid = shadowPid;
    this.router = router;
  }

  /** Before the container is made, whose mounts have them. @param share where the guest has its tree */
  async listen(agent: AgentClient, share: string): Promise<void> {
    this.agent = agent;
    if (this.sockets.length === 0) return;
    const what = this.sockets.map(({ path, kind }) => `${path} (${kind})`).join(", ");
    await traced("agent", "relay Unix sockets of the host", { why: WHY, what }, async () => {
      for (const socket of this.sockets) await this.relay(agent, share, socket);
    });
  }

  has(number: number): boolean {
    return this.relayed.has(number);
  }

  /** The guest has a connection to one of them. */
  connected({ socket: number, connection }: ConnectionEvent): void {
    const { agent } = this;
    const relayed = this.relayed.get(number);
    // An agent of ours has no more than that without an answer.
    if (!agent || !relayed || relayed.datagrams || this.answering >= MAX_ANSWERS) return;
    this.answering += 1;
    const answered =
      this.held < MAX_CONNECTIONS
        ? this.take(agent, relayed.fd, number, connection)
        : agent.accept(number, connection);
    void answered.catch(complain).finally(() => (this.answering -= 1));
  }

  /** Takes them out of a guest that goes on. Never rejects. */
  async leave(agent: AgentClient): Promise<void> {
    const numbers = [...this.relayed.keys()];
    this.close();
    for (const number of numbers) await agent.unlisten(number).catch(complain);
  }

  /** Lets go of the host's sockets. */
  close(): void {
    for (const link of this.connections) link.destroy();
    for (const { fd, datagrams } of this.relayed.values()) {
      datagrams?.end.close();
      datagrams?.helper.kill("SIGKILL");
      closeSync(fd);
    }
    this.relayed.clear();
  }

  private async relay(agent: AgentClient, share: string, socket: HostSocket): Promise<void> {
    const { volume, name, kind } = socket;
    const inside = `${volumePath(volume)}${name === undefined ? "" : `/${name}`}`;
    try {
      const fd = openSocket(`/proc/${this.shadowPid}/fd/${TREE_FD}${inside}`);
      const number = this.router.number();
      const datagrams = kind === "datagram" ? this.sender(fd) : undefined;
      this.relayed.set(number, { fd, ...(datagrams && { datagrams }) });
      await agent.listen(number, `${share}${inside}`, datagrams?.end.number);
    } catch (error) {
      // One in a folder of others may have gone meanwhile.
      if (name === undefined) throw error;
      complain(error);
    }
  }

  private sender(fd: number): { helper: DaemonProcess; end: HostDatagrams } {
    const name = "the sender of datagrams";
    const helper = spawnDaemon({ name, argv: [shadowPath(), "send-datagrams"], stdin: fd, channels: 1 });
    const channel = helper.channel(3);
    if (!channel) throw new NkError("HOST", `${name} could not be started`);
    const { router } = this;
    return {
      helper,
      end: new HostDatagrams(channel, (end) => router.openStreams(end, [ShadowStream.stdout])),
    };
  }

  /** Takes it where the host's server does, and else closes it. */
  private async take(agent: AgentClient, fd: number, number: number, connection: number): Promise<void> {
    this.held += 1;
    await agent.connected();
    const link = await this.reach(fd);
    if (!link) {
      this.held -= 1;
      return agent.accept(number, connection);
    }
    this.connections.add(link);
    void link.closed.then(() => {
      this.held -= 1;
      this.connections.delete(link);
    });
    const accepted = agent.accept(number, connection, link.numbers);
    link.begin();
    await accepted.catch((error: unknown) => {
      link.destroy();
      throw error;
    });
  }

  private async reach(fd: number): Promise<HostConnection | undefined> {
    const socket = await connectTo(fd);
    const which = [ShadowStream.stdin, ShadowStream.stdout];
    return socket && new HostConnection(socket, (end, onLoss) => this.router.openStreams(end, which, onLoss));
  }
}

/** @throws when it is no socket any more: whoever may write to the folder may have made a link of it */
function openSocket(path: string): number {
  const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
  if (fstatSync(fd).isSocket()) return fd;
  closeSync(fd);
  throw new NkError("HOST", `${path}: expected a socket, found something else by now`);
}

/** undefined: nobody listens, or the server takes no more. */
function connectTo(fd: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path: `/proc/self/fd/${fd}`, allowHalfOpen: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(undefined));
  });
}
