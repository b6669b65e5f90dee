import { Deadline } from "../base/deadline.ts";
import { asNkError, NkError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import { printableLine } from "../base/printable.ts";
import type { AgentConnection } from "./connection.ts";
import type { GuestNetwork } from "./guest-network.ts";
import type { Marks } from "./marks.ts";
import { count, list, plain, text, type Streams, type Untrusted } from "./messages.ts";

/** Long enough for software emulation on a loaded machine; a guest that needs more is taken for hung. */
const REQUEST_TIMEOUT_MS = 60_000;
/** A signal is sent at once; callers that stop containers wait for it. */
const KILL_TIMEOUT_MS = 10_000;

/** Copying goes on as long as something moves: the agent says so every second. */
const SYNC_IDLE_MS = 60_000;

const MAX_SYNC_PROBLEMS = 16;

/** Folders below /run/nk. */
export interface SyncRequest {
  /** A container's root, as it was left. */
  root: string;
  /** The upper side, when `root` is an overlay. */
  upper?: string;
  /** What `root` was at first. */
  target: string;
}

export interface SyncReport {
  files: number;
  bytes: number;
  deleted: number;
  /** What could not be copied; `problems` names the first 16. */
  failed: number;
  problems: string[];
}

export interface ProcessStart {
  streams: Streams;
  terminal: boolean;
  rows: number;
  cols: number;
}

export interface GuestProcess {
  pid: number;
  ppid: number;
  uid: number;
  comm: string;
  args: string;
  state: string;
}

/** A file system that the agent mounts; `target` is below /run/nk. */
export interface GuestMountRequest {
  target: string;
  fstype: string;
  source: string;
  options: string;
  flags?: readonly string[];
  /** For 9p with `trans=fd`: the agent connects to this port of the host and mounts over the connection. */
  vsockPort?: number;
}

/** A file that a mounted tree must have. */
export interface MountProof {
  /** Below /run/nk, where it is seen once the tree is mounted. */
  path: string;
  text: string;
}

/**
 * One method for each operation of protocol/agent-protocol.md. All reject with the agent's error, TIMEOUT, or the reason for which
 * the connection ended; answers are checked and bounded before they are handed on.
 */
export class AgentClient {
  private readonly connection: AgentConnection;
  private syncDeadline: Deadline | undefined;

  constructor(connection: AgentConnection) {
    this.connection = connection;
  }

  /** Resolves when requests can be sent, or never can be again. */
  connected(): Promise<void> {
    return this.connection.whole();
  }

  async configure(members: {
    hostname: string;
    entropy: string;
    runtime: string;
    realtimeNs: string;
    debug: boolean;
    marks?: Marks;
  }): Promise<void> {
    const { marks, ...others } = members;
    const known = marks && { hostMark: marks.host, agentMark: marks.agent };
    await this.ask("configure", { ...others, ...known });
  }

  async mount(mount: GuestMountRequest): Promise<void> {
    await this.ask("mount", { flags: [], ...mount });
  }

  /** Of a tree of the host. @throws SHARE when what the guest sees is another tree than the one that has `proof` */
  async mountProven(mount: GuestMountRequest, proof: MountProof): Promise<void> {
    try {
      const answer = await this.ask("mount", { flags: [], ...mount, proof: proof.path });
      const found = text(answer["proof"]);
      if (found !== proof.text) throw wrongTree(found === "" ? SAYS_NOTHING : `found "${found}"`);
    } catch (error) {
      const { code, message } = asNkError(error);
      throw code === "NOT_FOUND" ? wrongTree(message) : error;
    }
  }

  /** @param debug as it was configured: `configure` without it ends it */
  async setClock(realtimeNs: string, debug: boolean): Promise<void> {
    await this.ask("configure", { realtimeNs, debug });
  }

  /** Also of a file system that appeared below one that was mounted. */
  async unmount(target: string): Promise<void> {
    await this.ask("unmount", { target });
  }

  /** Makes a socket in the place of one of the host's. @param target below /run/nk @param stream where its datagrams go; undefined: it is for connections */
  async listen(socket: number, target: string, stream: number | undefined): Promise<void> {
    await this.ask("listen", { socket, target, ...(stream !== undefined && { stream }) });
  }

  /** Takes it away. */
  async unlisten(socket: number): Promise<void> {
    await this.ask("unlisten", { socket });
  }

  /** Takes a connection to it; without streams it is closed. */
  async accept(socket: number, connection: number, streams?: Streams): Promise<void> {
    await this.ask("accept", { socket, connection, ...(streams && { streams }) });
  }

  /** Connects to a TCP port of the guest's loopback device. @throws NOT_FOUND when nobody listens */
  async connect(port: number, streams: Streams): Promise<void> {
    await this.ask("connect", { port, streams });
  }

  /** Makes the guest's network equal to it. @returns how many changes that took; 0: it was so already */
  async network(network: GuestNetwork): Promise<number> {
    return count((await this.ask("network", { ...network }))["changed"]);
  }

  async create(
    id: string,
    config: Record<string, unknown>,
    root: string,
    start: ProcessStart,
  ): Promise<void> {
    await this.ask("create", { id, config, root, ...start });
  }

  /** With `force` whatever its state is. */
  async delete(id: string, force: boolean): Promise<void> {
    await this.ask("delete", { id, force });
  }

  /** @param resources members of linux.resources; what is not in it stays as it is */
  async update(id: string, resources: Record<string, unknown>): Promise<void> {
    await this.ask("update", { id, resources });
  }

  async start(id: string): Promise<void> {
    await this.ask("start", { id });
  }

  async exec(id: string, session: string, process: unknown, start: ProcessStart): Promise<void> {
    await this.ask("exec", { id, session, process, ...start });
  }

  async kill(id: string, session: string, signal: number, all = false): Promise<void> {
    const members = { id, ...(session !== "" && { session }), signal, all };
    await this.connection.request("kill", members, Deadline.after(KILL_TIMEOUT_MS));
  }

  async resize(id: string, session: string, rows: number, cols: number): Promise<void> {
    await this.ask("resize", { id, ...(session !== "" && { session }), rows, cols });
  }

  async pause(id: string): Promise<void> {
    await this.ask("pause", { id });
  }

  async resume(id: string): Promise<void> {
    await this.ask("resume", { id });
  }

  /** The guest's pid of a container's first process. @throws NOT_FOUND, BAD_STATE when it has ended */
  async initPid(id: string): Promise<number> {
    const { container } = await this.ask("state", { id });
    const pid = isObject(container) ? count(container["pid"]) : 0;
    if (pid > 0) return pid;
    throw new NkError("BAD_STATE", `container not running: ${id}: its process has ended`);
  }

  async ps(id: string): Promise<GuestProcess[]> {
    const answer = await this.ask("ps", { id });
    return list(answer["processes"]).map(toProcess);
  }

  /** Numbers as the agent gives them (`stats` in protocol/agent-protocol.md), none of them certain. */
  async stats(id: string): Promise<unknown> {
    return plain((await this.ask("stats", { id }))["stats"]);
  }

  /** Of the guest as a whole. */
  async metrics(): Promise<unknown> {
    return plain((await this.ask("metrics", {}))["metrics"]);
  }

  /** Any request, as somebody typed it, without streams: their numbers are the router's. The answer is the agent's, an error as well, its texts made harmless. */
  async raw(request: Untrusted): Promise<unknown> {
    const { type, seq: _seq, streams: _streams, ...members } = request;
    if (typeof type !== "string") throw new NkError("USAGE", 'expected a request with a "type"');
    const answer = await this.connection.exchange(type, members, Deadline.after(REQUEST_TIMEOUT_MS));
    const { seq: _answered, ...rest } = answer;
    return plain(rest);
  }

  /** Makes `target` what a stopped container has made of `root`. It takes as long as it takes, but not without progress. */
  async sync(id: string, request: SyncRequest): Promise<SyncReport> {
    const deadline = Deadline.after(SYNC_IDLE_MS);
    this.syncDeadline = deadline;
    const answer = await this.connection.request("sync", { id, ...request }, deadline);
    return {
      files: count(answer["files"]),
      bytes: count(answer["bytes"]),
      deleted: count(answer["deleted"]),
      failed: count(answer["failed"]),
      problems: list(answer["problems"])
        .slice(0, MAX_SYNC_PROBLEMS)
        .map((problem) => printableLine(text(problem, 512))),
    };
  }

  /** Whoever gets a `progress` event passes it on. */
  progressed(): void {
    this.syncDeadline?.renew(SYNC_IDLE_MS);
  }

  async kernelLog(): Promise<string[]> {
    const answer = await this.ask("kmsg", {});
    return list(answer["lines"]).map((line) => text(line, 512));
  }

  /** Kills what runs, unmounts, syncs. The VM can be ended afterwards without losing a write. @param mode `poweroff`: the guest ends it itself */
  async shutdown(mode: "none" | "poweroff", deadline: Deadline): Promise<void> {
    await this.connection.request("shutdown", { mode }, deadline);
  }

  private ask(type: string, members: Record<string, unknown>): Promise<Untrusted> {
    return this.connection.request(type, members, Deadline.after(REQUEST_TIMEOUT_MS));
  }
}

function toProcess(value: unknown): GuestProcess {
  const row = (typeof value === "object" && value !== null ? value : {}) as Untrusted;
  return {
    pid: count(row["pid"]),
    ppid: count(row["ppid"]),
    uid: count(row["uid"]),
    comm: text(row["comm"], 64),
    args: text(row["args"]),
    state: text(row["state"], 1),
  };
}

const SAYS_NOTHING =
  "found none in the agent's answer (an initramfs of another version? scripts/build-rootfs.sh makes one)";

function wrongTree(found: string): NkError {
  return new NkError(
    "SHARE",
    `the guest does not see the container's files: expected the proof that is beside them, ${found}; the share's server shows another folder, or the guest lies: nothing of it was used`,
    { phase: "agent: mount" },
  );
}
