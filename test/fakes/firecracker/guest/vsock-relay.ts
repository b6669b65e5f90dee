import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, watch, type FSWatcher } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Duplex } from "node:stream";
import type { Vsock } from "../resources/vsock.ts";
import { startDaemon } from "./daemon.ts";

/** CIDs below are taken by the hypervisor, loopback and the host. */
const FIRST_CID = 3;

/** Connects to a CID and port, says so by one byte, and hands the connection to socat. sockaddr_vm: vsock(7). */
const CONNECT = `$^F = 9;
my $s;
socket($s, 40, 1, 0) && connect($s, pack("S S L L x4", 40, 0, $ARGV[1], $ARGV[0])) or exit 1;
syswrite STDOUT, "+";
exec "socat", "STDIO", "FD:" . fileno($s);`;

/**
 * Joins ports of AF_VSOCK, which node does not speak, to Unix sockets, by socat: the host's to `<uds_path>_PORT`, for each such socket
 * that is there or appears. The host's ports are the machine's, so there can be one such VM at a time. A guest that dials a socket on which
 * nobody listens any more is connected and then dropped, instead of refused.
 */
export class VsockRelay {
  readonly cid = FIRST_CID + process.pid;
  private readonly folder: string;
  private readonly prefix: string;
  private readonly watcher: FSWatcher;
  private readonly listeners = new Map<string, ChildProcess>();

  constructor(vsock: Vsock) {
    const { uds_path: path } = vsock.config;
    this.folder = dirname(path);
    this.prefix = `${basename(path)}_`;
    this.watcher = watch(this.folder, (_, name) => {
      if (name !== null) this.follow(name);
    });
    for (const name of readdirSync(this.folder)) this.follow(name);
  }

  /** Listens for the guest while the socket of a port is there. */
  private follow(name: string): void {
    const port = name.startsWith(this.prefix) ? name.slice(this.prefix.length) : "";
    if (!/^\d+$/.test(port)) return;
    const path = join(this.folder, name);
    const listener = this.listeners.get(port);
    if (!existsSync(path)) {
      listener?.kill();
      this.listeners.delete(port);
    } else if (listener === undefined) {
      const socat = ["socat", `VSOCK-LISTEN:${port},reuseaddr,fork`, `UNIX-CONNECT:${path}`];
      this.listeners.set(port, startDaemon(socat, ["inherit", "inherit", "inherit"]));
    }
  }

  /** Undefined: nobody in the guest listens. */
  async connect(port: number): Promise<Duplex | undefined> {
    const command = ["perl", "-e", CONNECT, String(this.cid), String(port)];
    const { stdin, stdout } = startDaemon(command, ["pipe", "pipe", "inherit"]);
    if (stdin === null || stdout === null) return undefined;
    const connected = await new Promise<boolean>((resolve) => {
      stdout.once("readable", () => resolve(stdout.read(1) !== null));
      stdout.once("end", () => resolve(false));
    });
    return connected ? Duplex.from({ writable: stdin, readable: stdout }) : undefined;
  }

  close(): void {
    this.watcher.close();
    for (const listener of this.listeners.values()) listener.kill();
  }
}
