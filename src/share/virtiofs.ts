import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import { traced } from "../trace/channels.ts";
import type { BoundedLog } from "../host/bounded-log.ts";
import { Daemon } from "../host/daemon.ts";
import { MOUNT_TAG, quoteValue, type HostFolder, type Share } from "./share.ts";

/** A server of virtiofs. The one in Rust took over the name; the one in C came with QEMU until 7.2. */
export interface Virtiofsd {
  path: string;
  flavour: "c" | "rust";
}

/** Where distributions put it: Debian 12, Fedora and Debian 13, Arch, by hand. */
const PLACES: readonly Virtiofsd[] = [
  { path: "/usr/libexec/virtiofsd", flavour: "rust" },
  { path: "/usr/lib/virtiofsd", flavour: "rust" },
  { path: "/usr/local/bin/virtiofsd", flavour: "rust" },
  { path: "/usr/bin/virtiofsd", flavour: "rust" },
  { path: "/usr/lib/qemu/virtiofsd", flavour: "c" },
];

/** The server that is installed, if any. The environment variable is for tests and unusual installations. */
export function findVirtiofsd(override = process.env["NK_VIRTIOFSD"]): Virtiofsd | null {
  const named: Virtiofsd[] =
    override === undefined ? [] : [{ path: override, flavour: /qemu/.test(override) ? "c" : "rust" }];
  return (override === undefined ? PLACES : named).find(({ path }) => existsSync(path)) ?? null;
}

/** What each of them says on its standard error once it listens. */
const READY = "Waiting for vhost-user socket connection";
const READY_TAIL_BYTES = 4096;
const STOP_TIMEOUT_MS = 1000;

export function virtiofsArgv(
  server: Virtiofsd,
  folder: HostFolder,
  socketPath: string,
): [string, ...string[]] {
  // chroot: the folder is a magic link into another mount namespace, and the server's own new namespace
  // (`namespace`) could not reach a tree of that one. xattr: file capabilities and container images need them.
  // announce_submounts: bind mounts are file systems of their own, whose inode numbers may be the same.
  if (server.flavour === "rust") {
    return [
      server.path,
      `--socket-path=${socketPath}`,
      `--shared-dir=${folder.path}`,
      "--sandbox=chroot",
      "--cache=auto",
      "--xattr",
      "--announce-submounts",
    ];
  }
  const options = [
    `source=${folder.path}`,
    "sandbox=chroot",
    "cache=always",
    "timeout=0", // otherwise sizes and names that the host changed stay old for a second
    "xattr",
    "announce_submounts",
  ];
  return [server.path, `--socket-path=${socketPath}`, ...options.flatMap((option) => ["-o", option])];
}

/** Where servers put their locks that is not beside the socket. */
const LOCK_DIRS = ["/run/virtiofsd", "/var/lib/run/virtiofsd"];
const SOCKET_NAME = "fs.sock";

/** Files by which a server makes sure that it is the only one on a socket; both flavours leave them behind. */
function lockFiles(socketPath: string): string[] {
  return [`${socketPath}.pid`, ...LOCK_DIRS.map((dir) => `${dir}/${flat(socketPath)}.pid`)];
}

function flat(path: string): string {
  return path.replaceAll("/", ".");
}

function socketPathIn(stateDir: string): string {
  return join(stateDir, SOCKET_NAME);
}

/** Locks of servers for state folders below `root` that have gone, folder and server. */
export function staleLocks(root: string): string[] {
  const found = LOCK_DIRS.filter((dir) => existsSync(dir)).flatMap((dir) =>
    readdirSync(dir)
      .filter((name) => name.startsWith(`${flat(root)}.`) && name.endsWith(`.${SOCKET_NAME}.pid`))
      .map((name) => join(dir, name)),
  );
  // Looked at after the locks: a folder is there before its lock.
  const dirs = existsSync(root) ? readdirSync(root) : [];
  const used = new Set(dirs.flatMap((name) => lockFiles(socketPathIn(join(root, name)))));
  return found.filter((path) => !used.has(path) && !isServed(path));
}

/** The lock holds the pid of its server. */
function isServed(lock: string): boolean {
  try {
    return existsSync(`/proc/${Number(readFileSync(lock, "utf8"))}`);
  } catch {
    return false;
  }
}

/** Removes what a server leaves behind; also for a VM whose monitor was killed before it could close its share. */
export function removeVirtiofsFiles(stateDir: string): void {
  const socketPath = socketPathIn(stateDir);
  for (const path of [socketPath, ...lockFiles(socketPath)]) rmSync(path, { force: true });
}

/** A folder served by virtiofsd: sockets, fifos and devices work, and a distribution's small kernels have it. */
export class VirtiofsShare implements Share {
  readonly kind = "virtiofs";
  readonly guestMount = { fstype: "virtiofs", source: MOUNT_TAG, options: "" } as const;
  readonly needsSharedMemory = true;
  readonly failed: Promise<Error>;
  readonly qemuArgs: readonly string[];
  private readonly server: Virtiofsd;
  private readonly folder: HostFolder;
  private readonly stateDir: string;
  private readonly log: BoundedLog;
  private readonly socketPath: string;
  private fail: (error: Error) => void = () => {};
  private daemon: Daemon | undefined;

  constructor(server: Virtiofsd, folder: HostFolder, stateDir: string, log: BoundedLog) {
    this.server = server;
    this.folder = folder;
    this.stateDir = stateDir;
    this.log = log;
    this.socketPath = socketPathIn(stateDir);
    this.qemuArgs = [
      "-chardev",
      `socket,id=share,path=${quoteValue(this.socketPath)}`,
      "-device",
      `vhost-user-fs-device,chardev=share,tag=${MOUNT_TAG}`,
    ];
    this.failed = new Promise((resolve) => {
      this.fail = resolve;
    });
  }

  async start(deadline: Deadline): Promise<void> {
    if (this.daemon !== undefined) throw new NkError("INTERNAL", "the share was started before");
    const argv = virtiofsArgv(this.server, this.folder, this.socketPath);
    const why = "the guest reads and writes the container's tree through this server";
    await traced("monitor", "start virtiofsd", { why, what: argv.join(" ") }, () =>
      this.spawn(argv, deadline),
    );
  }

  async close(): Promise<void> {
    const { daemon } = this;
    if (daemon?.running === true) {
      // It ends by itself when QEMU's connection does; without QEMU it waits for one for ever.
      daemon.kill("SIGTERM");
      const timer = setTimeout(() => daemon.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await daemon.exited;
      clearTimeout(timer);
    }
    removeVirtiofsFiles(this.stateDir);
  }

  private async spawn(argv: [string, ...string[]], deadline: Deadline): Promise<void> {
    rmSync(this.socketPath, { force: true });
    let seen = "";
    let listening: () => void = () => {};
    const ready = new Promise<void>((resolve) => {
      listening = resolve;
    });
    const daemon = new Daemon({
      name: "virtiofsd",
      argv,
      log: this.log,
      onOutput: (chunk) => {
        seen = (seen + chunk.toString("latin1")).slice(-READY_TAIL_BYTES);
        if (seen.includes(READY)) listening();
      },
    });
    this.daemon = daemon;
    await daemon.alive(ready, deadline, "start virtiofsd");
    void daemon.exited.then((exit) => this.fail(daemon.deathError(exit, "serve the shared folder")));
  }
}
