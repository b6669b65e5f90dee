import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import { traced } from "../trace/channels.ts";
import type { BoundedLog } from "../host/bounded-log.ts";
import { spawnDaemon, type DaemonCommand, type DaemonProcess } from "../host/daemon-process.ts";
import { Daemon } from "../host/daemon.ts";
import type { StartedDaemon } from "../host/started-daemon.ts";
import { librariesOf } from "../host/program-files.ts";
import {
  CHOOSE_SHARE,
  EXPORTED_TREE,
  MOUNT_TAG,
  type HostFolder,
  type Share,
  type Transport,
} from "./share.ts";

/** A server of virtiofs. The one in Rust took over the name; the one in C came with QEMU until 7.2. */
export interface Virtiofsd {
  path: string;
  flavour: "c" | "rust";
}

/** Where distributions put it: Fedora and Debian 13, Arch, by hand; the one in C in Debian 12. */
const PLACES = [
  "/usr/libexec/virtiofsd",
  "/usr/lib/virtiofsd",
  "/usr/local/bin/virtiofsd",
  "/usr/bin/virtiofsd",
  "/usr/lib/qemu/virtiofsd",
];

/** The one in C is in a folder of QEMU's. */
export function virtiofsdAt(path: string): Virtiofsd {
  return { path, flavour: /qemu/.test(path) ? "c" : "rust" };
}

/** The server that is installed, if any. The environment variable is for tests and unusual installations. */
export function findVirtiofsd(override = process.env["NK_VIRTIOFSD"]): Virtiofsd | null {
  const places = override === undefined ? PLACES : [override];
  const path = places.find((place) => existsSync(place));
  return path === undefined ? null : virtiofsdAt(path);
}

/** @throws UNSUPPORTED where none is installed */
export function requireVirtiofsd(): Virtiofsd {
  const server = findVirtiofsd();
  if (server !== null) return server;
  throw new NkError(
    "UNSUPPORTED",
    "the share virtiofs needs virtiofsd, and none was found: install it " +
      "(Debian 12: qemu-system-common; later and elsewhere: virtiofsd), or use the share 9p, for which scripts/build-kernel.sh makes a kernel",
    { phase: CHOOSE_SHARE },
  );
}

/** What each of them says on its standard error once it listens. */
const READY = "Waiting for vhost-user socket connection";
const READY_TAIL_BYTES = 4096;
const STOP_TIMEOUT_MS = 1000;

/** Of the listening socket in the server. */
const SOCKET_FD = 3;

/**
 * One for each inode that the guest's kernel remembers is open in the server, so it gets as many as it would give itself. The kernel's own limit
 * (fs.nr_open) is usually a little higher.
 */
const MAX_FILES = 1_000_000;

/**
 * The folder is a real path: the server in Rust makes one of what it is given, and would make `/` of a magic link such as /proc/PID/fd/N. It is in a root
 * of its own, in which nothing is left to be sandboxed from; the one in C has no such setting, and makes the folder its root.
 */
function virtiofsArgv({ path, flavour }: Virtiofsd): [string, ...string[]] {
  const common = [path, `--fd=${SOCKET_FD}`, "--rlimit-nofile=0"] as const;
  // xattr: file capabilities and container images need them.
  // announce-submounts: bind mounts are file systems of their own, whose inode numbers may be the same.
  if (flavour === "rust") {
    const folder = `--shared-dir=${EXPORTED_TREE}`;
    return [...common, folder, "--sandbox=none", "--cache=auto", "--xattr", "--announce-submounts"];
  }
  const options = [
    `source=${EXPORTED_TREE}`,
    "sandbox=chroot",
    "cache=always",
    "timeout=0", // otherwise sizes and names that the host changed stay old for a second
    "xattr",
    "announce_submounts",
  ];
  return [...common, ...options.flatMap((option) => ["-o", option])];
}

/** The server's socket, in the state folder. */
export const VIRTIOFS_SOCKET = "fs.sock";

/** Of the server among the daemons of a sandbox. */
export const VIRTIOFSD = "virtiofsd";

const WHY = "the guest reads and writes the container's tree through this server, which sees nothing else";

/** How the server is started that listens on `socketPath`. @throws as `librariesOf` */
export async function virtiofsCommand(
  server: Virtiofsd,
  { shadowPid }: HostFolder,
  socketPath: string,
  isUnlocked: boolean,
): Promise<DaemonCommand> {
  return {
    name: VIRTIOFSD,
    argv: virtiofsArgv(server),
    confinement: {
      libraries: await librariesOf(server.path),
      shadowPid,
      locksItself: true,
      isUnlocked,
      maxFiles: MAX_FILES,
      sockets: [{ kind: "listen", fd: SOCKET_FD, path: socketPath }],
    },
  };
}

/** Where a server is at home. */
export interface VirtiofsPlace {
  stateDir: string;
  log: BoundedLog;
  isUnlocked?: boolean;
  /** The server, if the launcher has started it. */
  started?: StartedDaemon | undefined;
}

/** A folder served by virtiofsd: sockets, fifos and devices work, and a distribution's small kernels have it. */
export class VirtiofsShare implements Share {
  readonly kind = "virtiofs";
  readonly mount = { fstype: "virtiofs", source: MOUNT_TAG, options: "" } as const;
  readonly transport: Transport;
  readonly failed: Promise<Error>;
  private readonly server: Virtiofsd;
  private readonly folder: HostFolder;
  private readonly log: BoundedLog;
  private readonly isUnlocked: boolean;
  private readonly started: StartedDaemon | undefined;
  readonly socketPath: string;
  private fail: (error: Error) => void = () => {};
  private daemon: Daemon | undefined;

  constructor(
    server: Virtiofsd,
    folder: HostFolder,
    { stateDir, log, isUnlocked = false, started }: VirtiofsPlace,
  ) {
    this.server = server;
    this.folder = folder;
    this.log = log;
    this.isUnlocked = isUnlocked;
    this.started = started;
    this.socketPath = join(stateDir, VIRTIOFS_SOCKET);
    this.transport = { kind: "virtio-fs", socket: this.socketPath };
    this.failed = new Promise((resolve) => {
      this.fail = resolve;
    });
  }

  /** Of the process that waits for the server. */
  get pid(): number | undefined {
    return this.daemon?.pid;
  }

  async start(deadline: Deadline): Promise<void> {
    if (this.daemon !== undefined) throw new NkError("INTERNAL", "the share was started before");
    const { started } = this;
    const what = virtiofsArgv(this.server).join(" ");
    const notes = { why: WHY, what, ...(started && { startNs: started.startNs }) };
    await traced("monitor", "start virtiofsd", notes, async () =>
      this.listen(started ?? (await this.spawn()), deadline),
    );
  }

  async close(): Promise<void> {
    const { daemon } = this;
    if (daemon?.running === true) {
      // It ends by itself when the VMM's connection does; without a VMM it waits for one for ever.
      daemon.kill("SIGTERM");
      const timer = setTimeout(() => daemon.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await daemon.exited;
      clearTimeout(timer);
    }
    rmSync(this.socketPath, { force: true });
  }

  private async spawn(): Promise<DaemonProcess> {
    const { server, folder, socketPath, isUnlocked } = this;
    rmSync(socketPath, { force: true });
    return spawnDaemon(await virtiofsCommand(server, folder, socketPath, isUnlocked));
  }

  private async listen(process: DaemonProcess, deadline: Deadline): Promise<void> {
    let seen = "";
    let listening: () => void = () => {};
    const ready = new Promise<void>((resolve) => {
      listening = resolve;
    });
    const onOutput = (chunk: Buffer): void => {
      seen = (seen + chunk.toString("latin1")).slice(-READY_TAIL_BYTES);
      if (seen.includes(READY)) listening();
    };
    const daemon = new Daemon({ name: VIRTIOFSD, log: this.log, onOutput }, process);
    this.daemon = daemon;
    await daemon.alive(ready, deadline, "start virtiofsd");
    void daemon.exited.then((exit) => this.fail(daemon.deathError(exit, "serve the shared folder")));
  }
}
