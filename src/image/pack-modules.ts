import { execFile } from "node:child_process";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { NkError } from "../base/errors.ts";
import { readNamedFile } from "../base/named-file.ts";
import type { CpioEntry } from "./cpio.ts";
import {
  BOOT_MODULES,
  BOOT_MODULES_IF_PRESENT,
  LATER_MODULES,
  SHARE_MODULES,
  hasModule,
  loadOrder,
  moduleName,
} from "./modules.ts";
import type { ModuleTree } from "./modules.ts";
import { readModuleTree } from "./modules.ts";

/** Where the guest finds its modules; the agent loads what `/etc/nk/modules` lists, line by line. */
const GUEST_DIR = "/lib/nk";

/** Largest module that is taken: a guard against reading something else. */
const MAX_MODULE_BYTES = 64 * 1024 * 1024;

const DECOMPRESSORS: Record<string, string> = { ".zst": "zstd", ".xz": "xz" };

/** The kinds of share that this kernel can mount. */
export function shareKinds(tree: ModuleTree): ("virtiofs" | "9p")[] {
  const kinds = ["virtiofs", "9p"] as const;
  return kinds.filter((kind) => SHARE_MODULES[kind].every((name) => hasModule(tree, name)));
}

/**
 * What a kernel with modules adds to the initramfs: the modules, decompressed;
 * `/etc/nk/modules`: paths to load at boot, in order; `/etc/nk/modules.later`: one line for each module that can be
 * loaded on demand, and for each other name by which the kernel asks for it, `NAME PATH…` with all paths in order.
 */
export async function moduleEntries(tree: ModuleTree): Promise<CpioEntry[]> {
  const boot = loadOrder(tree, bootModules(tree));
  const later = LATER_MODULES.filter((name) => tree.files.has(name));
  const files = new Set([...boot, ...loadOrder(tree, later)]);
  const data = new Map<string, Buffer>();
  for (const file of files) data.set(file, await readModule(join(tree.dir, file)));
  const laterLines = later.flatMap((name) => {
    const paths = loadOrder(tree, [name]).map(guestPath).join(" ");
    const aliases = aliasesOf(data.get(tree.files.get(name) ?? "") ?? Buffer.alloc(0));
    return [name, ...aliases].map((alias) => `${alias} ${paths}`);
  });
  const entries: CpioEntry[] = [
    { type: "dir", name: "/etc", mode: 0o755 },
    { type: "dir", name: "/etc/nk", mode: 0o755 },
    { type: "dir", name: "/lib", mode: 0o755 },
    { type: "dir", name: GUEST_DIR, mode: 0o755 },
    textFile("/etc/nk/modules", boot.map(guestPath)),
    textFile("/etc/nk/modules.later", laterLines),
  ];
  for (const [file, bytes] of data)
    entries.push({ type: "file", name: guestPath(file), mode: 0o644, data: bytes });
  return entries;
}

/** The other names of a module, as its section .modinfo has them. Those with a pattern are for buses, which are not plugged here. */
export function aliasesOf(module: Buffer): string[] {
  const found = [...module.toString("latin1").matchAll(/\0alias=([^\0\s*?[]{1,128})(?=\0)/g)];
  return found.map(([, alias = ""]) => alias);
}

/** Copies what a guest can need of a kernel's modules, decompressed, in the same layout with its own modules.dep. */
export async function copyGuestModules(from: string, to: string): Promise<void> {
  const tree = readModuleTree(from);
  const later = LATER_MODULES.filter((name) => hasModule(tree, name));
  const files = loadOrder(tree, [...bootModules(tree), ...later]);
  const temporary = `${to}.new`;
  await rm(temporary, { recursive: true, force: true });
  for (const file of files) {
    const target = join(temporary, withoutCompression(file));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, await readModule(join(from, file)));
  }
  const lines = files.map((file) => {
    const needed = (tree.dependencies.get(file) ?? []).map(withoutCompression);
    return `${withoutCompression(file)}: ${needed.join(" ")}\n`;
  });
  await writeFile(join(temporary, "modules.dep"), lines.join(""));
  await writeFile(join(temporary, "modules.builtin"), readNamedFile(join(from, "modules.builtin")));
  await rm(to, { recursive: true, force: true });
  await rename(temporary, to);
}

function bootModules(tree: ModuleTree): string[] {
  const present = BOOT_MODULES_IF_PRESENT.filter((name) => hasModule(tree, name));
  const shares = shareKinds(tree).flatMap((kind) => SHARE_MODULES[kind]);
  return [...BOOT_MODULES, ...shares, ...present];
}

function guestPath(file: string): string {
  return `${GUEST_DIR}/${moduleName(file)}.ko`;
}

function withoutCompression(file: string): string {
  return file.replace(/\.ko\.\w+$/, ".ko");
}

function textFile(name: string, lines: string[]): CpioEntry {
  return { type: "file", name, mode: 0o644, data: Buffer.from(lines.map((line) => `${line}\n`).join("")) };
}

/** A module's bytes: the agent hands them to the kernel, which need not know the compression. */
async function readModule(path: string): Promise<Buffer> {
  const suffix = path.slice(path.lastIndexOf(".ko") + 3);
  try {
    const packed = readNamedFile(path);
    if (suffix === "") return packed;
    if (suffix === ".gz") return await promisify(gunzip)(packed, { maxOutputLength: MAX_MODULE_BYTES });
    const tool = DECOMPRESSORS[suffix];
    if (tool === undefined) throw new Error(`unknown compression ${suffix}`);
    const { stdout } = await promisify(execFile)(tool, ["-dc", path], {
      encoding: "buffer",
      maxBuffer: MAX_MODULE_BYTES,
    });
    return stdout;
  } catch (cause) {
    throw new NkError("HOST", `cannot read the kernel module ${path}: ${String(cause)}`, { cause });
  }
}
