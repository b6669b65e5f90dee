import { lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runTool, type ToolRun } from "./disk-tools.ts";
import type { TreeScan } from "./tree-scan.ts";

/** What a container can write: more than its image holds. The file has holes, so only what is written takes room on the host. */
const FREE_BYTES = 10 * 1024 ** 3;
/** And as many files: the usual one for 16 KiB. */
const FREE_INODES = FREE_BYTES / 16384;
const INODE_BYTES = 256;
const BLOCK_BYTES = 4096;
/** Holes are mostly left alone; beyond this (a lastlog of a terabyte) they are not counted as room to be filled. */
const MAX_HOLE_BYTES = 64 * 1024 ** 3;

/**
 * All that a guest kernel of the last ten years knows, whatever the host's mke2fs.conf says. No journal: after a crash the disk is gone
 * with its VM. No checksums: under emulation each costs.
 */
const EXT4_FEATURES =
  "none,64bit,dir_index,dir_nlink,ext_attr,extent,extra_isize,filetype,flex_bg,huge_file,large_file,sparse_super,uninit_bg";

const SECOND_NS = 1_000_000_000n;

/** An ext4 file system with the content of `dir` and room for more, in a new file with holes. */
export async function makeExt4(dir: string, target: string, scan: TreeScan, run: ToolRun): Promise<void> {
  await fillExt4(dir, target, scan, run);
  const hasOwn = lstatSync(join(dir, "lost+found"), { throwIfNoEntry: false }) !== undefined;
  await edit([...(hasOwn ? [] : [NO_LOST_FOUND]), ...setTime("<2>", dir)], target, run);
}

/** mkfs makes it for an fsck that never runs here. */
const NO_LOST_FOUND = "rmdir lost+found";

/** mkfs does not keep the time of the top folder. ext4: 32 bits of seconds; beside them 30 bits of nanoseconds over 2 more of seconds. */
function setTime(name: string, from: string): string[] {
  const { mtimeNs } = lstatSync(from, { bigint: true });
  const ns = ((mtimeNs % SECOND_NS) + SECOND_NS) % SECOND_NS;
  const seconds = (mtimeNs - ns) / SECOND_NS;
  const low = BigInt.asIntN(32, seconds);
  const epoch = ((seconds - low) >> 32n) & 3n;
  return [
    `set_inode_field ${name} mtime @${low}`,
    `set_inode_field ${name} mtime_extra ${(ns << 2n) | epoch}`,
  ];
}

async function edit(requests: string[], target: string, run: ToolRun): Promise<void> {
  const file = `${target}.requests`;
  writeFileSync(file, requests.map((line) => `${line}\n`).join(""));
  await runTool(["debugfs", "-w", "-f", file, target], run);
}

async function fillExt4(dir: string, target: string, scan: TreeScan, run: ToolRun): Promise<void> {
  const inodes = scan.entries + FREE_INODES;
  // A block for each file's extended attributes, and a twentieth for extents and bitmaps.
  const filledBytes =
    scan.dataBytes +
    Math.min(scan.holeBytes, MAX_HOLE_BYTES) +
    scan.entries * BLOCK_BYTES +
    inodes * INODE_BYTES;
  const blocks = Math.ceil((filledBytes * 1.05 + FREE_BYTES) / BLOCK_BYTES);
  const options = ["-q", "-F", "-b", String(BLOCK_BYTES), "-I", String(INODE_BYTES), "-N", String(inodes)];
  const features = ["-m", "0", "-O", EXT4_FEATURES, "-E", "lazy_itable_init=1,nodiscard"];
  await runTool(["mkfs.ext4", ...options, ...features, "-d", dir, target, String(blocks)], run, dir);
}

/** A read-only erofs file system with the content of `dir`. */
export function makeErofs(dir: string, target: string, run: ToolRun): Promise<void> {
  return runTool(["mkfs.erofs", "--preserve-mtime", target, dir], run, dir);
}

/** Folders of the disk that takes what is written over a read-only one. */
export const UPPER_DIR = "upper";
export const WORK_DIR = "work";

/** An ext4 file system for the upper side of an overlay: its top folder is the merged root, so it gets the attributes of `dir`. */
export async function makeUpper(dir: string, target: string, run: ToolRun): Promise<void> {
  const staging = `${target}.dir`;
  const archive = `${target}.tar`;
  const upper = join(staging, UPPER_DIR);
  mkdirSync(upper, { recursive: true });
  mkdirSync(join(staging, WORK_DIR));
  const all = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner"];
  await runTool(
    ["tar", "-C", dir, ...all, "--no-recursion", "--format=posix", "-cf", archive, "."],
    run,
    dir,
  );
  await runTool(["tar", "-C", upper, ...all, "-pxf", archive], run);
  await fillExt4(staging, target, EMPTY, run);
  await edit([NO_LOST_FOUND, ...setTime(UPPER_DIR, dir)], target, run);
}

const EMPTY: TreeScan = {
  key: "",
  newestChangeNs: 0n,
  entries: 3,
  dataBytes: 0,
  holeBytes: 0,
  longestNameBytes: 0,
  places: [],
  oldestS: 0,
  newestS: 0,
};
