import { rmSync } from "node:fs";

/**
 * Removes a folder of ours, if it is there. A monitor that hears of it late may still put a record there, between the look into the folder and its removal.
 * node's own retries never look again.
 */
export function removeWhole(folder: string, tries = 5): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY" || tries === 1) throw error;
    removeWhole(folder, tries - 1);
  }
}
