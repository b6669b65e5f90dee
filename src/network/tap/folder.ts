import { mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { NkError } from "../../base/errors.ts";
import { reasonOf } from "../../base/system-error.ts";
import { DEFAULT_ROOT } from "../../state/paths.ts";

/** Of the machine, whatever `--root` says: there is one set of links and rules. No id of a container begins with "~". */
const ROOT = join(DEFAULT_ROOT, "~network");

/**
 * Folder of our network namespace: lock, what the host had before, a folder for each bridge. Inodes of namespaces that are gone are given to new
 * ones: whether what is in it is this namespace's, the bridge says (settle.ts).
 */
export function namespaceFolder(): string {
  return join(ROOT, String(statSync("/proc/self/ns/net").ino));
}

export function bridgeFolder(bridge: string): string {
  return join(namespaceFolder(), bridge);
}

/** The bridges that a namespace's folder tells of. */
export function bridgesIn(folder: string): string[] {
  return namesIn(folder, (entry) => entry.isDirectory());
}

export function filesIn(folder: string): string[] {
  return namesIn(folder, (entry) => entry.isFile());
}

function namesIn(
  folder: string,
  isWanted: (entry: { isDirectory(): boolean; isFile(): boolean }) => boolean,
): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter(isWanted)
      .map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** @throws NETWORK */
export function makeFolder(path: string): void {
  try {
    // The first one is that of the containers' state, and has its mode.
    mkdirSync(DEFAULT_ROOT, { recursive: true, mode: 0o711 });
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const hint = ["EACCES", "EPERM"].includes(code) ? ": run it as root, or use --vm-net=none" : "";
    throw new NkError("NETWORK", `cannot make ${path} for the VM's network: ${reasonOf(error)}${hint}`, {
      cause: error,
    });
  }
}

/** Whether a bridge's folder is one of our network namespace. */
export function isOurs(folder: string): boolean {
  return dirname(folder) === namespaceFolder();
}
