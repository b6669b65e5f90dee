import { existsSync } from "node:fs";
import type { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import type { BoundedLog } from "../host/bounded-log.ts";
import type { TreeOwner } from "../host/confinement.ts";
import { startDaemon, type Daemon } from "../host/daemon.ts";
import { shadowPath } from "../host/paths.ts";
import { librariesOf } from "../host/program-files.ts";
import { traced } from "../trace/channels.ts";
import { CHOOSE_SHARE, EXPORTED_TREE, type Door } from "./share.ts";

/** Where Debian and Ubuntu put it, and an installation by hand. */
const PLACES = ["/usr/sbin/diod", "/usr/local/sbin/diod"];

/** The 9p server that is installed, if any. The environment variable is for tests and unusual installations. */
export function findDiod(override = process.env["NK_DIOD"]): string | null {
  const places = override === undefined ? PLACES : [override];
  return places.find((path) => existsSync(path)) ?? null;
}

/** @throws UNSUPPORTED where none is installed */
export function requireDiod(): string {
  const diod = findDiod();
  if (diod !== null) return diod;
  throw new NkError(
    "UNSUPPORTED",
    "the share 9p-vsock needs diod, and none was found: install it (Debian, Ubuntu: apt-get install diod)",
    { phase: CHOOSE_SHARE },
  );
}

const STARTED = /^listening (\d+)$/m;
const STOP_TIMEOUT_MS = 1000;

/** One diod, confined to a shadow's tree (`nk-shadow serve`), for one connection of the tree's guest. */
export class DiodServer {
  /** Settles when the server has ended, with the reason. */
  readonly failed: Promise<Error>;
  private readonly diod: string;
  private readonly shadowPid: TreeOwner;
  private readonly door: Door;
  private readonly log: BoundedLog;
  private fail: (error: Error) => void = () => {};
  private daemon: Daemon | undefined;

  constructor(diod: string, shadowPid: TreeOwner, door: Door, log: BoundedLog) {
    this.diod = diod;
    this.shadowPid = shadowPid;
    this.door = door;
    this.log = log;
    this.failed = new Promise((resolve) => {
      this.fail = resolve;
    });
  }

  get pid(): number | undefined {
    return this.daemon?.pid;
  }

  /** Resolves when it listens, with the port that the guest must dial. @throws VMM, TIMEOUT, HOST */
  async start(deadline: Deadline): Promise<number> {
    if (this.daemon !== undefined) throw new NkError("INTERNAL", "the share was started before");
    const argv = serveArgv(this.diod, await librariesOf(this.diod), this.shadowPid, this.door);
    const why =
      "the guest reads and writes the container's tree through this server, which sees nothing else";
    return traced("monitor", "start diod", { why, what: argv.join(" ") }, () => this.spawn(argv, deadline));
  }

  async close(): Promise<void> {
    const { daemon } = this;
    if (daemon?.running !== true) return;
    daemon.kill("SIGTERM");
    const timer = setTimeout(() => daemon.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await daemon.exited;
    clearTimeout(timer);
  }

  private async spawn(argv: [string, ...string[]], deadline: Deadline): Promise<number> {
    let seen = "";
    let listening: (port: number) => void = () => {};
    const ready = new Promise<number>((resolve) => {
      listening = resolve;
    });
    const daemon = startDaemon({
      name: "diod",
      argv,
      log: this.log,
      onOutput: (chunk) => {
        if (seen.length < 4096) seen += chunk.toString("latin1");
        const port = STARTED.exec(seen)?.[1];
        if (port !== undefined) listening(Number(port));
      },
    });
    this.daemon = daemon;
    const free = await daemon.alive(ready, deadline, "start diod");
    void daemon.exited.then((exit) => this.fail(daemon.deathError(exit, "serve the shared folder")));
    return this.door.kind === "unix" ? this.door.port : free;
  }
}

/**
 * `nk-shadow serve` around diod. -n, -N: no authentication, and no look into user data bases: the guest's kernel has checked who
 * asks, and the numbers of users and groups are the guest's.
 */
function serveArgv(
  diod: string,
  libraries: readonly string[],
  shadowPid: TreeOwner,
  door: Door,
): [string, ...string[]] {
  const listen =
    door.kind === "unix"
      ? ["--unix", door.path, String(door.uid), String(door.gid)]
      : ["--vsock", String(door.cid)];
  return [
    shadowPath(),
    "serve",
    "--tree",
    String(shadowPid),
    ...listen,
    ...libraries.flatMap((path) => ["--file", path]),
    "--",
    diod,
    "--foreground",
    "--rfdno=0",
    "--wfdno=1",
    "--no-auth",
    "--no-userdb",
    `--export=${EXPORTED_TREE}`,
  ];
}
