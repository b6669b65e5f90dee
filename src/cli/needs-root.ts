import { accessSync, constants } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { NkError } from "../base/errors.ts";
import { nearestExisting } from "../base/nearest-existing.ts";
import { DEFAULT_ROOT } from "../state/paths.ts";
import { isRoot } from "../host/user-namespace.ts";

/** What the kernel says to those who may not. */
const FORBIDDEN = ["EACCES", "EPERM"];

/** @throws HOST with the command to type instead, unless root runs us. @param words of the command line */
export function requireRoot(words: readonly string[]): void {
  if (!isRoot()) throw new NkError("HOST", `needs root: ${asRoot(words)}`);
}

/**
 * Any user may keep containers of the host's runtime below a `--root` of their own; only root sees those below the default one.
 * @throws HOST as `requireRoot`
 */
export function requireStateFolder(root: string, words: readonly string[]): void {
  if (isRoot() || isOurs(root)) return;
  const isDefault = root === DEFAULT_ROOT;
  const other = isDefault ? ", or XDG_RUNTIME_DIR in the environment for a state folder of one's own" : "";
  throw new NkError("HOST", `needs root${other}: ${asRoot(words)}`);
}

/** An error that comes from a lack of rights says how to have them. */
export function withWayToRoot(error: NkError, words: readonly string[]): NkError {
  const { code: reason = "" } = (error.cause ?? {}) as NodeJS.ErrnoException;
  if (isRoot() || !FORBIDDEN.includes(reason)) return error;
  const message = `${error.message}: needs root: ${asRoot(words)}`;
  return new NkError(error.code, message, { cause: error.cause });
}

function isOurs(folder: string): boolean {
  const there = nearestExisting(folder);
  try {
    accessSync(there, constants.R_OK | constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function asRoot(words: readonly string[]): string {
  return ["sudo", programName(), ...words.map(quoted)].join(" ");
}

/** As one types it here: the installed command, or the source tree's, which is in no PATH. */
function programName(bundle = process.argv[1] ?? ""): string {
  if (basename(dirname(bundle)) !== "build") return "nk-runtime";
  const path = join(dirname(bundle), "../bin/nk-runtime");
  try {
    const fromHere = relative(process.cwd(), path);
    return fromHere.startsWith("..") ? path : fromHere;
  } catch {
    return path; // of a folder that is gone, or out of reach, nobody knows where it is
  }
}

/** For a shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
