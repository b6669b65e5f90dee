import { chownSync, closeSync, constants, mkdirSync, openSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { NkError } from "../../base/errors.ts";
import { shadowPath } from "../../host/paths.ts";
import { sandboxUser } from "../../host/sandbox-user.ts";
import { unpersistTap } from "../../host/unpersist-tap.ts";
import { firecrackerArgs, VSOCK_SOCKET, type Place, type PlaceFile, type PlaceOptions } from "./place.ts";

/** Firecracker sizes a table by this limit; its own jailer takes the same number. */
export const MAX_FILES = 2048;

const LOG = "log";

export interface JailOptions extends PlaceOptions {
  jailer: string;
  /** A network namespace for a VMM without a card; undefined: ours. */
  netns: string | undefined;
}

/**
 * Firecracker in the jail that its own jailer makes: another user, a root of its own, no devices but those it needs. The folder with the jail is a tmpfs in a
 * mount namespace that only the VMM has, with the VM's files bound into it: the kernel takes all of it down with the VMM, however that ends, and the
 * same id can be used again. From outside it is reached through /proc/PID/root. cgroups are the container's, which the monitor is in already.
 */
export class JailPlace implements Place {
  readonly isClosed = true;
  readonly changesUser = true;
  readonly owner = { uid: sandboxUser(), gid: sandboxUser() };
  readonly vsockPath = `/run/${VSOCK_SOCKET}`;
  readonly hasCard: boolean;
  private readonly options: JailOptions;
  private readonly folder: string;
  /** A name that nothing on the host has: before the jail is entered, the same path leads to the host's files. */
  private readonly socketName: string;
  private runFolder: number | undefined;

  constructor(options: JailOptions) {
    this.options = options;
    this.hasCard = options.hasCard;
    this.folder = join(options.stateDir, "jail");
    this.socketName = `${options.id}.sock`;
  }

  argv(files: readonly PlaceFile[]): readonly [string, ...string[]] {
    const { id, firecracker, jailer, netns, logFifo } = this.options;
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const root = join(this.folder, basename(firecracker), id, "root");
    const all: PlaceFile[] = [...files, { name: LOG, path: logFifo, readOnly: false }];
    for (const file of all.filter(({ readOnly }) => !readOnly)) this.own(file);
    const binds = all.flatMap(({ name, path, file = path, readOnly }) => [
      "--bind",
      file,
      name,
      readOnly ? "ro" : "rw",
    ]);
    const user = ["--uid", String(this.owner.uid), "--gid", String(this.owner.gid)];
    const limits = ["--resource-limit", `no-file=${MAX_FILES}`];
    const tap = this.hasCard ? ["--tap", String(this.owner.uid)] : [];
    const inNetns = netns === undefined || this.hasCard ? [] : ["--netns", netns];
    return [
      shadowPath(),
      "jail",
      this.folder,
      root,
      ...tap,
      ...binds,
      "--",
      jailer,
      "--id",
      id,
      "--exec-file",
      firecracker,
      ...user,
      "--chroot-base-dir",
      this.folder,
      ...limits,
      ...inNetns,
      "--",
      ...firecrackerArgs(`/run/${this.socketName}`, `/${LOG}`),
    ];
  }

  /** What is written to is the VM's alone, and so can be its user's. */
  private own({ path }: PlaceFile): void {
    chownSync(path, this.owner.uid, this.owner.gid);
  }

  apiSocket(pid: number): string {
    return `/proc/${pid}/root/run/${this.socketName}`;
  }

  /** A folder that is held open stays the one it was, whatever process gets the pid later. */
  entered(pid: number): void {
    this.runFolder = openSync(`/proc/${pid}/root/run`, constants.O_RDONLY | constants.O_DIRECTORY);
  }

  /** It was made by `nk-shadow jail`. */
  cardOpened(pid: number): Promise<void> {
    return unpersistTap(pid);
  }

  pathOf({ name }: PlaceFile): string {
    return `/${name}`;
  }

  hostVsockPath(): string {
    if (this.runFolder === undefined) throw new NkError("INTERNAL", "the jail has not been entered yet");
    return `/proc/${process.pid}/fd/${this.runFolder}/${VSOCK_SOCKET}`;
  }

  close(): void {
    if (this.runFolder !== undefined) closeSync(this.runFolder);
    this.runFolder = undefined;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
