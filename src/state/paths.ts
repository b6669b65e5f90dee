import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { runFolder } from "../host/folders.ts";
import { checkSocketPath, MAX_SOCKET_PATH_BYTES } from "../base/socket-path.ts";

export const DEFAULT_ROOT = runFolder();

/** The longest name of a socket in a container's state folder. */
const LONGEST_SOCKET_NAME = "control.sock";
/** Folders and cgroups are named by it: NAME_MAX of limits.h. runc's own limit of 1024 is one that it cannot keep either. */
const MAX_ID_LENGTH = 255;

/** Throws unless `id` is one that runc takes. One that begins with a dash would be an option on the way to the runtime in the VM. */
export function checkId(id: string, what: "container" | "VM" = "container"): void {
  const valid = /^[\w+.][\w+.-]*$/.test(id) && id !== "." && id !== ".." && id.length <= MAX_ID_LENGTH;
  if (valid) return;
  const shown = JSON.stringify(id.slice(0, 64));
  const mend =
    what === "container" && id.includes("/")
      ? "; name the bundle with --bundle=DIR, an image with --image=FILE"
      : "";
  throw new NkError(
    "USAGE",
    `invalid ${what} ID format: ${shown}: use letters, digits and _ + . - (at most ${MAX_ID_LENGTH}, no - first)${mend}`,
  );
}

/**
 * The state folder of a container: `<root>/<id>`, or `<root>/~<hash>` when the paths of its sockets would be too long.
 * No id contains "~", so names that start with it are ours.
 */
export function stateDirOf(root: string, id: string): string {
  const plain = join(root, id);
  if (Buffer.byteLength(join(plain, LONGEST_SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES) return plain;
  // Loading it costs 5 ms, which nearly no command needs to pay.
  const { createHash } = process.getBuiltinModule("node:crypto");
  return join(root, `~${createHash("sha256").update(id).digest("hex").slice(0, 16)}`);
}

/** The longest path that a socket of a container below `root` can have. */
export function longestSocketPath(root: string): string {
  return join(stateDirOf(root, "x".repeat(MAX_ID_LENGTH)), LONGEST_SOCKET_NAME);
}

/** @throws BAD_CONFIG when the path of a socket in `stateDir` would be too long. */
export function checkSocketPaths(stateDir: string): void {
  checkSocketPath(join(stateDir, LONGEST_SOCKET_NAME));
}

/** A command of ours as one would paste it. */
export function commandHint(root: string, words: string): string {
  return `"nk-runtime ${root === DEFAULT_ROOT ? "" : `--root ${root} `}${words}"`;
}

/** Where the host's own runtime keeps its state, for container mode. */
export function hostRuntimeRoot(root: string, runtimeName: string): string {
  return join(root, "~host", runtimeName);
}
