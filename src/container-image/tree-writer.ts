import {
  chmodSync,
  closeSync,
  constants,
  futimesSync,
  fchmodSync,
  fchownSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { NkError } from "../base/errors.ts";
import { binary, inRoot, lookAt, partsOf, raw, resolveParts } from "./root-path.ts";
import type { Special } from "./special-files.ts";
import type { TarEntry } from "./tar-reader.ts";

const WHITEOUT = ".wh.";
/** Everything that lower layers have in its folder is gone. */
const OPAQUE = ".wh..wh..opq";

export interface WriterLimits {
  /** Folders that no entry names count too. */
  files: number;
  /** Of names and extended attributes, which are remembered to the end of a layer. */
  rememberedBytes: number;
}

const MIB = 1024 * 1024;
/** More than any image has. */
const LIMITS: WriterLimits = { files: 2_000_000, rememberedBytes: 256 * MIB };

/** chown(2) takes the one above for "as it is". */
const MAX_ID = 0xffff_fffe;

/** Extended attributes that are an image's to give. Others are the host's business: labels, and what overlayfs believes. */
const ALLOWED_XATTR = /^(?:user\.|security\.capability$|system\.posix_acl_(?:access|default)$)/;

/**
 * Applies the layers of an image to a folder, one after the other (image-spec layer.md). Nothing is written outside of the folder, whatever the
 * layers hold: a path that leads upwards is refused, and links on the way are taken as in the container. The folder must be ours alone.
 */
export class TreeWriter {
  private readonly root: string;
  /** What this layer has made, and the folders that lead there: whiteouts are about lower layers only. */
  private made = new Set<string>();
  /** Times of folders, set when nothing is put into them any more. */
  private folderTimes = new Map<string, number>();
  private specials = new Map<string, Special>();
  private files = 0;
  private rememberedBytes = 0;
  private readonly limits: WriterLimits;

  constructor(root: string, limits = LIMITS) {
    this.root = binary(root);
    this.limits = limits;
  }

  /** Puts one entry of a layer into its place. @throws BAD_CONFIG for what no layer has, HOST */
  async add(entry: TarEntry): Promise<void> {
    if (entry.uid > MAX_ID || entry.gid > MAX_ID)
      throw new NkError("BAD_CONFIG", `/${entry.path} in the image belongs to ${entry.uid}:${entry.gid}`);
    this.count();
    const given = partsOf(entry.path);
    const name = given.at(-1);
    const folder = resolveParts(this.root, given.slice(0, -1), true);
    if (name === undefined) return this.setFolder([], entry);
    if (name === OPAQUE) return this.removeLower(folder, false);
    if (name.startsWith(WHITEOUT)) return this.whiteOut(folder, name.slice(WHITEOUT.length));
    this.makeFolders(folder);
    const parts = [...folder, name];
    this.clear(parts, entry.type === "5");
    this.touch(parts);
    await this.make(parts, entry);
  }

  /** The end of a layer. @returns devices, fifos and extended attributes, which node cannot make */
  endLayer(): Special[] {
    for (const [path, timeS] of this.folderTimes) {
      const folder = this.path(path.split("/"));
      if (this.isStill(path) && lookAt(folder)?.isDirectory() === true) utimesSync(raw(folder), timeS, timeS);
    }
    const specials = [...this.specials.values()].filter(({ path }) => this.isStill(path));
    this.made = new Set();
    this.folderTimes = new Map();
    this.specials = new Map();
    this.rememberedBytes = 0;
    return specials;
  }

  private count(): void {
    this.files += 1;
    if (this.files > this.limits.files)
      throw new NkError("BAD_CONFIG", `the image has more than ${this.limits.files} files and folders`);
  }

  private remember(bytes: number): void {
    this.rememberedBytes += bytes;
    const { rememberedBytes: max } = this.limits;
    if (this.rememberedBytes > max)
      throw new NkError(
        "BAD_CONFIG",
        `a layer has more than ${max / MIB} MiB of names and extended attributes`,
      );
  }

  /** Whether the folders are there that led to it when it was made: later entries may have put others in their place, or links. */
  private isStill(path: string): boolean {
    const parts = path.split("/");
    const folder = resolveParts(this.root, parts.slice(0, -1), true);
    return (
      folder.join("/") === parts.slice(0, -1).join("/") && lookAt(this.path(folder))?.isDirectory() === true
    );
  }

  private async make(parts: string[], entry: TarEntry): Promise<void> {
    const path = this.path(parts);
    switch (entry.type) {
      case "0":
        await writeFile(path, entry);
        break;
      case "1":
        return this.link(parts, entry);
      case "2":
        symlinkSync(raw(entry.linkPath), raw(path));
        lchownSync(raw(path), entry.uid, entry.gid);
        lutimesSync(raw(path), entry.mtimeS, entry.mtimeS);
        break;
      case "3":
      case "4":
      case "6":
        break;
      case "5":
        return this.setFolder(parts, entry);
      default:
        throw new NkError(
          "BAD_CONFIG",
          `/${entry.path} in the image is of an unknown kind: ${JSON.stringify(entry.type)}`,
        );
    }
    this.note(parts, entry);
  }

  private setFolder(parts: string[], entry: TarEntry): void {
    if (entry.type !== "5") throw new NkError("BAD_CONFIG", "the root of the image is no folder");
    const path = this.path(parts);
    if (parts.length > 0 && lookAt(path) === undefined) mkdirSync(raw(path));
    lchownSync(raw(path), entry.uid, entry.gid);
    chmodSync(raw(path), entry.mode);
    this.folderTimes.set(parts.join("/"), entry.mtimeS);
    this.note(parts, entry);
  }

  /** To what is there by now, and is a file. */
  private link(parts: string[], { linkPath }: TarEntry): void {
    const given = partsOf(linkPath);
    const folder = resolveParts(this.root, given.slice(0, -1), true);
    const target = this.path([...folder, ...given.slice(-1)]);
    const found = lookAt(target);
    if (found === undefined || found.isDirectory())
      throw new NkError("BAD_CONFIG", `a hard link in the image leads to no file: /${linkPath}`);
    linkSync(raw(target), raw(this.path(parts)));
  }

  /** What node cannot do; in the order of the archive, the last one of a path counts. */
  private note(parts: string[], { type, mode, uid, gid, major, minor, xattrs }: TarEntry): void {
    const path = parts.join("/");
    const isDevice = type === "3" || type === "4" || type === "6";
    const device = isDevice ? { type, mode, uid, gid, major, minor } : undefined;
    const allowed = new Map([...xattrs].filter(([name]) => ALLOWED_XATTR.test(name)));
    for (const [name, value] of allowed) this.remember(name.length + value.length);
    if (device === undefined && allowed.size === 0) this.specials.delete(path);
    else this.specials.set(path, { path, device, xattrs: allowed });
  }

  private whiteOut(folder: readonly string[], name: string): void {
    if (name === "" || name === "." || name === "..")
      throw new NkError("BAD_CONFIG", "a whiteout in the image names no file");
    this.removeLower([...folder, name], true);
  }

  /** Removes what this layer has not made, of a folder with all that is in it. */
  private removeLower(parts: readonly string[], withItself: boolean): void {
    const path = this.path(parts);
    const found = lookAt(path);
    if (found === undefined) return;
    if (withItself && !this.made.has(parts.join("/"))) {
      rmSync(raw(path), { recursive: true, force: true });
      return;
    }
    if (!found.isDirectory()) return;
    for (const name of readdirSync(raw(path), "latin1")) this.removeLower([...parts, name], true);
  }

  /** A folder that comes again keeps what is in it; everything else makes room. */
  private clear(parts: readonly string[], isFolder: boolean): void {
    const path = this.path(parts);
    const found = lookAt(path);
    if (isFolder && found?.isDirectory() === true) return;
    this.specials.delete(parts.join("/"));
    this.folderTimes.delete(parts.join("/"));
    if (found !== undefined) rmSync(raw(path), { recursive: true });
  }

  private makeFolders(parts: readonly string[]): void {
    for (let depth = 1; depth <= parts.length; depth += 1) {
      const path = this.path(parts.slice(0, depth));
      const found = lookAt(path);
      if (found === undefined) {
        this.count();
        mkdirSync(raw(path), 0o755);
      } else if (!found.isDirectory())
        throw new NkError(
          "BAD_CONFIG",
          `/${parts.slice(0, depth).join("/")} in the image is a file and a folder`,
        );
    }
  }

  private touch(parts: readonly string[]): void {
    for (let depth = parts.length; depth > 0; depth -= 1) {
      const path = parts.slice(0, depth).join("/");
      if (this.made.has(path)) return;
      this.remember(path.length);
      this.made.add(path);
    }
  }

  private path(parts: readonly string[]): string {
    return inRoot(this.root, parts);
  }
}

/** Owner before mode: a change of the owner takes the set-user-ID bit away. */
async function writeFile(path: string, { data, mode, uid, gid, mtimeS }: TarEntry): Promise<void> {
  const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
  const fd = openSync(raw(path), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
  try {
    for await (const chunk of data) for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
    fchownSync(fd, uid, gid);
    fchmodSync(fd, mode);
    futimesSync(fd, mtimeS, mtimeS);
  } finally {
    closeSync(fd);
  }
}
