import { execFile } from "node:child_process";
import { closeSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { NkError } from "../base/errors.ts";
import { runFolder } from "./folders.ts";
import { openNamedFile } from "../base/named-file.ts";
import { keepFile, markOf } from "./kept-file.ts";

/** Elf64_Ehdr and Elf64_Phdr of elf(5). */
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const MAX_PROGRAM_HEADERS = 64;
const PT_INTERP = 3;
const MAX_PATH_BYTES = 4096;
const LIST_TIMEOUT_MS = 5000;

/** What the loader has said, until a program or the libraries of the host change. */
const CACHE_DIR = join(runFolder(), ".libraries");
/** Written anew whenever packages with libraries are installed (ldconfig(8)). */
const LOADER_CACHE = "/etc/ld.so.cache";

/**
 * The shared libraries of a program or of a module that it loads, the loader among them, as the loader of the program finds them. None for a static
 * program. ldd(1) asks the loader as well, and takes 8 ms where it takes 1; a start of a VM that asks for three takes 20 ms longer, so the answers are kept.
 * @throws HOST for what is no program for this machine: a script, say
 */
export async function librariesOf(program: string, ofProgram = program): Promise<string[]> {
  const path = join(CACHE_DIR, encodeURIComponent(program));
  const key = [program, ofProgram, LOADER_CACHE].map(markOf).join(" ");
  const kept = readKept(path, key);
  if (kept) return kept;
  const libraries = await listLibraries(program, ofProgram);
  keepFile(path, [key, ...libraries.map(marked)].join("\n"));
  return libraries;
}

async function listLibraries(program: string, ofProgram: string): Promise<string[]> {
  const loader = loaderOf(ofProgram);
  if (loader === undefined) return [];
  try {
    const options = { timeout: LIST_TIMEOUT_MS, env: {} };
    const { stdout } = await promisify(execFile)(loader, ["--list", program], options);
    const libraries = [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, path = ""]) => path);
    // Without it the program would not start in its root, and the kernel's word for that names the program.
    if (libraries.length === 0)
      throw new Error(`${loader} named none: ${JSON.stringify(stdout.slice(0, 200))}`);
    return libraries;
  } catch (cause) {
    throw new NkError("HOST", `cannot list the shared libraries of ${program}: ${String(cause)}`, { cause });
  }
}

function marked(library: string): string {
  return `${library} ${markOf(library)}`;
}

function readKept(path: string, key: string): string[] | undefined {
  try {
    const [head, ...lines] = readFileSync(path, "utf8").split("\n");
    const libraries = lines.map((line) => line.split(" ", 1)[0] ?? "");
    // A library that was changed may need others than before.
    return head === key && lines.join() === libraries.map(marked).join() ? libraries : undefined;
  } catch {
    return undefined;
  }
}

function loaderOf(program: string): string | undefined {
  const fd = openNamedFile(program);
  try {
    const read = (offset: number, length: number): Buffer => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
    };
    const header = read(0, HEADER_BYTES);
    if (header.toString("latin1", 0, 5) !== "\x7fELF\x02") throw notElf(program, header);
    return interpreterIn(header, read);
  } finally {
    closeSync(fd);
  }
}

function interpreterIn(header: Buffer, read: (offset: number, length: number) => Buffer): string | undefined {
  const count = Math.min(header.readUInt16LE(56), MAX_PROGRAM_HEADERS);
  const table = read(Number(header.readBigUInt64LE(32)), count * PROGRAM_HEADER_BYTES);
  for (let at = 0; at + PROGRAM_HEADER_BYTES <= table.length; at += PROGRAM_HEADER_BYTES) {
    if (table.readUInt32LE(at) !== PT_INTERP) continue;
    const size = Math.min(Number(table.readBigUInt64LE(at + 32)), MAX_PATH_BYTES);
    return read(Number(table.readBigUInt64LE(at + 8)), size)
      .toString()
      .replace(/\0.*$/s, "");
  }
  return undefined;
}

function notElf(program: string, header: Buffer): NkError {
  const found = header.toString("latin1", 0, 2) === "#!" ? "a script" : "something else";
  return new NkError(
    "HOST",
    `${program} is to run in a root of its own, where no other program is: expected a 64-bit ELF program, found ${found}: name the program itself`,
  );
}
