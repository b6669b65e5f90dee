import { join } from "node:path";
import { NkError } from "../base/errors.ts";

/** A scope, by the names that systemd knows it by. */
export interface ScopeName {
  unit: string;
  slice: string;
  /** Its path below each hierarchy. */
  folder: string;
}

/** Of a container whose config.json names none; runc's and crun's own as well. */
const DEFAULT_SLICE = "system.slice";
const USERS_SLICE = "user.slice";
/** systemd's UNIT_NAME_MAX, without the NUL. */
const MAX_UNIT_BYTES = 255;

/**
 * The scope that cgroupsPath asks for, `slice:prefix:name`; else `nano-sandbox-ID.scope` in `system.slice`.
 * @param base the cgroup of a user's systemd; "": of the host's @throws BAD_CONFIG, in runc's words where it has some
 */
export function scopeOf(cgroupsPath: string | undefined, id: string, base = ""): ScopeName {
  const name = nameIn(cgroupsPath, id, base === "" ? DEFAULT_SLICE : USERS_SLICE);
  return { ...name, folder: join("/", base, name.folder) };
}

function nameIn(cgroupsPath: string | undefined, id: string, defaultSlice: string): ScopeName {
  if (cgroupsPath === undefined || cgroupsPath === "") return scope(defaultSlice, "nano-sandbox", id);
  const parts = cgroupsPath.split(":");
  if (parts.length !== 3)
    throw bad(
      `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "${cgroupsPath}" instead`,
    );
  const [slice = "", prefix = "", name = ""] = parts;
  return scope(slice === "" ? defaultSlice : slice, prefix, name);
}

/** `a-b.slice` lives in `a.slice/a-b.slice` (systemd.slice(5)). */
export function expandSlice(slice: string): string[] {
  if (slice === "" || slice === "-.slice") return [];
  const names = slice.replace(/\.slice$/, "").split("-");
  return names.map((_, index) => `${names.slice(0, index + 1).join("-")}.slice`);
}

/** @param prefix none: the name alone, as crun has it */
function scope(slice: string, prefix: string, name: string): ScopeName {
  // runc makes a slice of such a name. A slice has no processes of its own.
  if (name === "" || name.endsWith(".slice"))
    throw bad(`expected the name of a scope in cgroupsPath, found "${name}"`);
  if (!/^(-|[\w:.\\@]+(-[\w:.\\@]+)*)\.slice$/.test(slice)) throw bad(`invalid slice name: ${slice}`);
  const unit = prefix === "" ? `${name}.scope` : `${prefix}-${name}.scope`;
  if (!/^[\w:.\\@-]+$/.test(unit) || unit.length > MAX_UNIT_BYTES)
    throw bad(`expected a scope with at most ${MAX_UNIT_BYTES} letters, digits and :-_.\\@, found "${unit}"`);
  return { unit, slice, folder: join("/", ...expandSlice(slice), unit) };
}

function bad(problem: string): NkError {
  return new NkError("BAD_CONFIG", `${problem}: correct linux.cgroupsPath in config.json`);
}
