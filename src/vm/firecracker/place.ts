import { rmSync } from "node:fs";
import { join } from "node:path";

/** The user and group of a process, by number. */
export interface Owner {
  uid: number;
  gid: number;
}

/** Files of the host that Firecracker opens, by the names that they have in a jail. */
export interface PlaceFile {
  name: string;
  path: string;
  /** Another path of it, where `path` is that of a descriptor, which cannot be mounted once its file has no name. */
  file?: string;
  readOnly: boolean;
}

/**
 * Where Firecracker runs: on the host's own files, or in a jail. It decides how the process is started, what paths in the API mean, and how we reach
 * its sockets. Order of calls: `argv` → the process is started → `entered` → the rest → `close` when it has ended, or instead of all that.
 */
export interface Place {
  /** Firecracker finds only the files that `argv` was given, so all of them must be there by then. */
  readonly isClosed: boolean;
  /** The whole command line. */
  argv(files: readonly PlaceFile[]): readonly [string, ...string[]];
  /** It changes its user, and so the kernel forgets whose child it is. */
  readonly changesUser: boolean;
  /** Firecracker is in a network namespace of its own, and its tap is there. */
  readonly hasCard: boolean;
  /** The user who must be able to reach our sockets. */
  readonly owner: Owner | undefined;
  /** Firecracker's API socket, as seen from us. @param pid of the process that was started with `argv` */
  apiSocket(pid: number): string;
  /** The API answered: Firecracker runs where it will stay. */
  entered(pid: number): void;
  /** Firecracker has opened its tap, which goes with it from then on. */
  cardOpened(pid: number): Promise<void>;
  /** How Firecracker is told of a file. */
  pathOf(file: PlaceFile): string;
  /** The vsock device's Unix socket, as Firecracker is told … */
  readonly vsockPath: string;
  /** … and as seen from us. */
  hostVsockPath(): string;
  close(): void;
}

export interface PlaceOptions {
  /** Of Firecracker, for its log. */
  id: string;
  stateDir: string;
  firecracker: string;
  /** The named pipe for its log. */
  logFifo: string;
  hasCard: boolean;
}

export const API_SOCKET = "fc.sock";
export const VSOCK_SOCKET = "v.sock";
/** The port of CID 2 at which the guest finds its share. */
export const SHARE_PORT = 5640;

/** Arguments that both places give. */
export function firecrackerArgs(apiSocket: string, logPath: string): string[] {
  return ["--api-sock", apiSocket, "--log-path", logPath, "--level", "Info"];
}

/** Firecracker as this user, on the host's files. */
export function openPlace(options: PlaceOptions): Place {
  const { id, stateDir, firecracker, logFifo, hasCard } = options;
  const api = join(stateDir, API_SOCKET);
  const vsock = join(stateDir, VSOCK_SOCKET);
  return {
    isClosed: false,
    argv: () => [firecracker, "--id", id, ...firecrackerArgs(api, logFifo)],
    changesUser: false,
    hasCard,
    owner: undefined,
    apiSocket: () => api,
    entered: () => {},
    // As root it has made it.
    cardOpened: () => Promise.resolve(),
    pathOf: ({ path }) => path,
    vsockPath: vsock,
    hostVsockPath: () => vsock,
    // Firecracker leaves both behind at each end.
    close: () => [api, vsock].forEach((path) => rmSync(path, { force: true })),
  };
}
