import { closeSync, openSync, readSync } from "node:fs";
import { NkError } from "../base/errors.ts";

/** How an initramfs starts: a cpio archive (newc, with checksums or without), or one that is packed (kernel: lib/decompress.c). */
const MAGICS: readonly [string, Buffer][] = [
  ["cpio", Buffer.from("070701")],
  ["cpio", Buffer.from("070702")],
  ["gzip", Buffer.from([0x1f, 0x8b])],
  ["zstd", Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ["lz4", Buffer.from([0x02, 0x21, 0x4c, 0x18])],
  ["xz", Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a])],
];

/** "cpio", "zstd" …; undefined for what no kernel takes for an initramfs. @throws when it cannot be read. */
export function initramfsFormat(path: string): string | undefined {
  const fd = openSync(path, "r");
  try {
    const head = Buffer.alloc(8);
    const size = readSync(fd, head, 0, head.length, 0);
    const start = head.subarray(0, size);
    return MAGICS.find(([, magic]) => start.subarray(0, magic.length).equals(magic))?.[0];
  } finally {
    closeSync(fd);
  }
}

/** @throws BAD_CONFIG: the kernel would only say that it found no init. */
export function checkInitramfs(path: string): void {
  if (initramfsFormat(path) !== undefined) return;
  throw new NkError(
    "BAD_CONFIG",
    `${path} is not an initramfs: expected a cpio archive (newc), plain or packed by gzip, zstd, lz4 or xz: scripts/build-rootfs.sh makes one`,
  );
}
