import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { KernelImage } from "./kernel.ts";
import { checkMemory } from "./memory-need.ts";
import { craftBzImage, craftElf } from "./testing/kernels.ts";

const MIB = 1024 * 1024;
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-memory-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function check(format: KernelImage["format"], kernel: Buffer, memSizeMib: number): void {
  const path = join(dir, "kernel");
  const initrd = join(dir, "initrd");
  writeFileSync(path, kernel);
  writeFileSync(initrd, "");
  truncateSync(initrd, 7 * MIB - 100);
  checkMemory(
    { kernel: { path, file: path, format, release: "", shares: [], lacks: [] }, initrd },
    memSizeMib,
  );
}

it.each([
  ["elf", craftElf({ loadedBytes: 44 * MIB, text: "debug information".repeat(1000) })],
  ["bzImage", craftBzImage({ initBytes: 44 * MIB - 5 })],
] as const)("takes the kernel as it is loaded, and the initramfs twice: %s", (format, kernel) => {
  check(format, kernel, 90);
  expect(() => check(format, kernel, 89)).toThrow(
    `expected at least 90 MiB of memory for a VM with the guest kernel ${join(dir, "kernel")} ` +
      "(kernel 44 MiB, initramfs twice 7 MiB, the rest of the guest 32 MiB), found 89",
  );
});
