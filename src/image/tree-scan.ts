import { createHash, type Hash } from "node:crypto";
import { lstatSync, readdirSync, type BigIntStats } from "node:fs";
import { NkError } from "../base/errors.ts";

/** What a disk image of a folder needs to know of it before it is made. */
export interface TreeScan {
  /** Another one for every change of the tree that can be seen: see `scanTree`. */
  key: string;
  /** The latest status change of any file, in nanoseconds since 1970. */
  newestChangeNs: bigint;
  entries: number;
  /** Of regular files and folders, in whole blocks, without holes. */
  dataBytes: number;
  /** Parts of regular files that were never written. */
  holeBytes: number;
  longestNameBytes: number;
  /** A path on each of the file systems that the tree is made of. */
  places: string[];
  /** Modification times, in seconds since 1970. */
  oldestS: number;
  newestS: number;
}

const BLOCK_BYTES = 4096;
/** `st_blocks` counts in these (stat(2)). */
const SECTOR_BYTES = 512;
/** How many files are looked at before others get their turn: some 10 ms. */
const ENTRIES_A_TURN = 2000;

const SLASH = Buffer.from("/");
const NUL = Buffer.from([0]);

/**
 * Looks at every file below `dir`, some 200,000 a second, and reads none. The key is made of names and of what stat(2) says, with the time of
 * the last status change: the kernel sets that at every change of content, mode, owner, links or extended attributes, and nobody can
 * set it back. Device numbers are left out (an overlay has another one at each mount), but not which files share one.
 */
export async function scanTree(dir: string): Promise<TreeScan> {
  const walk = new Walk();
  const root = Buffer.from(dir);
  try {
    await walk.enter(root, root.length);
  } catch (cause) {
    throw new NkError("HOST", `cannot read the root file system: ${(cause as Error).message}`, { cause });
  }
  return { ...walk.totals, key: walk.hash.digest("hex").slice(0, 32) };
}

class Walk {
  readonly hash: Hash = createHash("sha256");
  readonly totals = {
    newestChangeNs: 0n,
    entries: 0,
    dataBytes: 0,
    holeBytes: 0,
    longestNameBytes: 0,
    places: [] as string[],
    oldestS: Infinity,
    newestS: -Infinity,
  };
  /** Each device by its place in the order of appearance. */
  private readonly devices = new Map<bigint, number>();
  private nextTurn = ENTRIES_A_TURN;

  /** @param rootBytes length of what all paths begin with and the key does not count */
  async enter(path: Buffer, rootBytes: number): Promise<void> {
    const stat = lstatSync(path, { bigint: true });
    this.note(path, rootBytes, stat);
    if (!stat.isDirectory()) return;
    if (this.totals.entries >= this.nextTurn) {
      this.nextTurn = this.totals.entries + ENTRIES_A_TURN;
      await new Promise(setImmediate);
    }
    // Names are bytes; sorted, since the order of a folder is not a part of its content.
    const names = readdirSync(path, { encoding: "buffer" }).sort((a, b) => Buffer.compare(a, b));
    for (const name of names) {
      this.totals.longestNameBytes = Math.max(this.totals.longestNameBytes, name.length);
      await this.enter(Buffer.concat([path, SLASH, name]), rootBytes);
    }
  }

  private note(path: Buffer, rootBytes: number, stat: BigIntStats): void {
    const { ino, mode, uid, gid, rdev, size, mtimeNs, ctimeNs, dev } = stat;
    const device = this.devices.get(dev) ?? this.devices.size;
    if (device === this.devices.size) this.totals.places.push(path.toString());
    this.devices.set(dev, device);
    this.hash.update(path.subarray(rootBytes)).update(NUL);
    this.hash.update([device, ino, mode, uid, gid, rdev, size, mtimeNs, ctimeNs].join(" "));
    this.count(stat);
  }

  private count(stat: BigIntStats): void {
    const { totals } = this;
    totals.entries += 1;
    if (stat.ctimeNs > totals.newestChangeNs) totals.newestChangeNs = stat.ctimeNs;
    const mtimeS = Number(stat.mtimeNs / 1_000_000_000n);
    totals.oldestS = Math.min(totals.oldestS, mtimeS);
    totals.newestS = Math.max(totals.newestS, mtimeS);
    if (!stat.isFile() && !stat.isDirectory()) return;
    const wholeBytes = Math.ceil(Number(stat.size) / BLOCK_BYTES) * BLOCK_BYTES;
    const storedBytes = Math.min(wholeBytes, Number(stat.blocks) * SECTOR_BYTES);
    totals.dataBytes += storedBytes;
    if (stat.isFile()) totals.holeBytes += wholeBytes - storedBytes;
  }
}
