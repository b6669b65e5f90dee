/**
 * Writes initramfs archives in the "newc" format (kernel: Documentation/driver-api/early-userspace/buffer-format.rst).
 * The same entries always give the same bytes: no times, no owners but root, inode numbers counted.
 */

const FILE_TYPE = { file: 0o100000, dir: 0o040000, slink: 0o120000, nod: 0o020000 } as const;

/** Longest name the kernel's unpacker takes (PATH_MAX with the final NUL). */
const MAX_NAME_BYTES = 4096;

/** Of headers, data, and of an archive behind another. */
export const ALIGN_BYTES = 4;

/**
 * An initramfs fills whole pages: QEMU puts it at the end of the guest's memory, from a page's start on, and what it leaves of the
 * memory's last page the firmware has given to the ACPI tables. One that reached into that page ended their use, and the boot.
 */
export const PAGE_BYTES = 4096;

/** What is missing after `length` bytes to a multiple of `unit`. */
export function zerosAfter(length: number, unit: number): Buffer {
  return Buffer.alloc((unit - (length % unit)) % unit);
}

export type CpioEntry =
  | { type: "dir"; name: string; mode: number }
  | { type: "file"; name: string; mode: number; data: Uint8Array }
  | { type: "slink"; name: string; target: string }
  /** A character device. */
  | { type: "nod"; name: string; mode: number; major: number; minor: number };

/** An archive with its trailer, padded to whole pages: another archive may follow it. */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  entries.forEach((entry, index) => pushEntry(parts, entry, index + 1));
  pushRecord(
    parts,
    header({ name: "TRAILER!!!", ino: 0, mode: 0, size: 0, links: 1 }),
    "TRAILER!!!",
    new Uint8Array(),
  );
  const whole = Buffer.concat(parts);
  return Buffer.concat([whole, zerosAfter(whole.length, PAGE_BYTES)]);
}

function pushEntry(parts: Uint8Array[], entry: CpioEntry, ino: number): void {
  const name = entry.name.replace(/^\/+/, "");
  const data = dataOf(entry);
  const permissions = entry.type === "slink" ? 0o777 : entry.mode;
  const mode = FILE_TYPE[entry.type] | permissions;
  const links = entry.type === "dir" ? 2 : 1;
  const device = entry.type === "nod" ? { major: entry.major, minor: entry.minor } : {};
  pushRecord(parts, header({ name, ino, mode, size: data.length, links, ...device }), name, data);
}

function dataOf(entry: CpioEntry): Uint8Array {
  if (entry.type === "file") return entry.data;
  if (entry.type === "slink") return Buffer.from(entry.target);
  return new Uint8Array();
}

interface Header {
  name: string;
  ino: number;
  mode: number;
  size: number;
  links: number;
  major?: number;
  minor?: number;
}

function header({ name, ino, mode, size, links, major = 0, minor = 0 }: Header): string {
  const nameBytes = Buffer.byteLength(name) + 1;
  if (nameBytes > MAX_NAME_BYTES)
    throw new RangeError(`a name in an initramfs may have ${MAX_NAME_BYTES} bytes: ${name}`);
  if (size > 0xffff_ffff) throw new RangeError(`a file in an initramfs must be below 4 GiB: ${name}`);
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [ino, mode, 0, 0, links, 0, size, 0, 0, major, minor, nameBytes, 0];
  return "070701" + fields.map((field) => field.toString(16).padStart(8, "0")).join("");
}

function pushRecord(parts: Uint8Array[], head: string, name: string, data: Uint8Array): void {
  const start = Buffer.from(`${head}${name}\0`);
  parts.push(start, zerosAfter(start.length, ALIGN_BYTES), data, zerosAfter(data.length, ALIGN_BYTES));
}
