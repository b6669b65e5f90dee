import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, watch, type FSWatcher } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Duplex } from "node:stream";
import type { Vsock } from "../resources/vsock.ts";
import { startDaemon } from "./daemon.ts";

/** CIDs below are taken by the hypervisor, loopback and the host. */
const FIRST_CID = 3;

/**
 * Joins ports of AF_VSOCK, which node does not speak, to Unix sockets, by socat: the host's to `<uds_path>_PORT`, for each such socket
 * that is there or appears. The host's ports are the machine's, so there can be one such VM at a time.
 */
export class VsockRelay {
  readonly cid = FIRST_CID + process.pid;
  private readonly udsPath: string;
  private readonly watcher: FSWatcher;
  private readonly listeners = new Map<string, ChildProcess>();

  constructor(vsock: Vsock) {
    this.udsPath = vsock.config.uds_path;
    const folder = dirname(this.udsPath);
    this.watcher = watch(folder, (_, name) => {
      if (name !== null) this.listen(name);
    });
    for (const name of readdirSync(folder)) this.listen(name);
  }

  private listen(name: string): void {
    const prefix = `${basename(this.udsPath)}_`;
    const port = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    if (!/^\d+$/.test(port) || this.listeners.has(port)) return;
    const target = `UNIX-CONNECT:${join(dirname(this.udsPath), name)}`;
    this.listeners.set(port, socat(`VSOCK-LISTEN:${port},fork`, target, "inherit"));
  }

  /** Whether anybody listens shows only by the end of socat: then nothing is lost, the stream just ends. */
  async connect(port: number): Promise<Duplex | undefined> {
    const child = socat("STDIO", `VSOCK-CONNECT:${this.cid}:${port}`, "pipe");
    if (child.stdin === null || child.stdout === null) return undefined;
    await once(child, "spawn");
    return Duplex.from({ writable: child.stdin, readable: child.stdout });
  }

  close(): void {
    this.watcher.close();
    for (const child of this.listeners.values()) child.kill();
  }
}

function socat(from: string, to: string, streams: "inherit" | "pipe"): ChildProcess {
  return startDaemon(["socat", from, to], [streams, streams, "inherit"]);
}
