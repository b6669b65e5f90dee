// Containers whose root file system is a disk of the guest, with a cache of images for each test.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { Runtime } from "./runtime.ts";

/** Anew for each test. */
export let runtime: Runtime;
/** Where the images are kept. */
export let cache: string;
/** A folder of the host for bind mounts. */
export let volume: string;

/** To be called once by each file. */
export function useDisks(): void {
  beforeEach(() => {
    cache = mkdtempSync(join(tmpdir(), "nk-disks-"));
    volume = mkdtempSync(join(tmpdir(), "nk-volume-"));
    process.env["NK_DISK_CACHE"] = cache;
    runtime = new Runtime();
  });

  afterEach(async () => {
    expect(await runtime.close()).toEqual([]);
    // Copies of the containers are gone, and every image is whole.
    expect(readdirSync(cache).filter((name) => !/^\d+-[0-9a-f]{32}\.(ext4|erofs|upper)$/.test(name))).toEqual(
      [],
    );
    delete process.env["NK_DISK_CACHE"];
    rmSync(cache, { recursive: true });
    rmSync(volume, { recursive: true });
  });
}

export const flagsOf = (format: string): string[] => ["--vm-share=block", `--vm-block-fs=${format}`];
