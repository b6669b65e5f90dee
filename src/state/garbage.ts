import { rmSync } from "node:fs";

/** Something below a `--root`, or made for it, that nobody owns any more. */
export interface Garbage {
  /** `remains`: what a killed monitor has left of a VM made by hand, which itself stays. */
  kind: "container" | "remains" | "folder" | "image" | "bundle" | "network";
  /** The id of a container or VM, the name of a bridge, else a path. */
  name: string;
  /** Why it is garbage. */
  reason: string;
  /** Removes it. Resolves to false when somebody else was faster. */
  remove(): Promise<boolean>;
}

/**
 * A file or folder that only has to be removed.
 * @param remove how, where that is not so simple
 */
export function garbageFile(
  kind: Garbage["kind"],
  path: string,
  reason: string,
  remove: (path: string) => void = removeFile,
): Garbage {
  return {
    kind,
    name: path,
    reason,
    remove: async () => {
      remove(path);
      return true;
    },
  };
}

function removeFile(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
