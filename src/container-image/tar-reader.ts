import { NkError } from "../base/errors.ts";
import { ByteReader } from "./byte-reader.ts";
import { BLOCK_BYTES, parseHeader, type TarHeader } from "./tar-header.ts";

/** One member of an archive. */
export interface TarEntry extends Omit<TarHeader, "size"> {
  /** Of `data`: of a file only. */
  size: number;
  /** Extended attributes, by their names. */
  xattrs: ReadonlyMap<string, Buffer>;
  /** Where its content begins in the archive. */
  offset: number;
  /** The content, to be read before the next entry is asked for, or not at all. */
  data: AsyncIterable<Buffer>;
}

/** PATH_MAX of the kernel: no longer name can be made. */
const MAX_NAME_BYTES = 4096;
/** Of all records of one entry. Extended attributes are 64 KiB each at most. */
const MAX_PAX_BYTES = 1024 * 1024;

/** Year 2242: later ones do not fit in what file systems have. */
const MAX_TIME_S = 2 ** 33;

const PAX_XATTR = "SCHILY.xattr.";
const NUMBERS = ["uid", "gid", "size"] as const;

/** What extensions say of the next entry. */
interface Extension {
  path?: string;
  linkPath?: string;
  pax: ReadonlyMap<string, Buffer>;
}

/**
 * The members of a tar archive (POSIX pax, ustar, GNU), in order, with what extensions say of them applied. It reads to the end of the source,
 * past the end of the archive, so that a digest of all bytes can be told.
 * @throws BAD_CONFIG for damaged archives, sparse files, and names and records that are too long
 */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarEntry, void, void> {
  const archive = new Archive(source);
  let extension: Extension = { pax: new Map() };
  let all: ReadonlyMap<string, Buffer> = new Map();
  for (;;) {
    const header = await archive.header();
    if (header === undefined) break;
    if (header.type === "x") extension = { ...extension, pax: await archive.pax(header.size) };
    else if (header.type === "g") all = merged(all, await archive.pax(header.size));
    else if (header.type === "L") extension.path = await archive.name(header.size);
    else if (header.type === "K") extension.linkPath = await archive.name(header.size);
    else {
      const pax = new Map([...all, ...extension.pax]);
      yield* archive.member(applied(header, { ...extension, pax }), xattrsIn(pax));
      extension = { pax: new Map() };
    }
  }
  await archive.drain();
}

/** Where in an archive the reading is. */
class Archive {
  private readonly bytes: ByteReader;
  private offset = 0;

  constructor(source: AsyncIterable<Buffer>) {
    this.bytes = new ByteReader(source);
  }

  /** Undefined at the end of the archive, which some writers leave unmarked. */
  async header(): Promise<TarHeader | undefined> {
    const block = await this.bytes.exactly(BLOCK_BYTES);
    this.offset += BLOCK_BYTES;
    return block && parseHeader(block);
  }

  async *member(header: TarHeader, xattrs: TarEntry["xattrs"]): AsyncGenerator<TarEntry, void, void> {
    const size = header.type === "0" ? header.size : 0;
    let left = size;
    const { bytes } = this;
    async function* content(): AsyncGenerator<Buffer, void, void> {
      for await (const part of bytes.stream(left)) {
        left -= part.length;
        yield part;
      }
    }
    yield { ...header, size, xattrs, offset: this.offset, data: content() };
    // What nobody has read, and what fills the last block.
    await bytes.skip(left + padded(size) - size);
    this.offset += padded(size);
  }

  async name(size: number): Promise<string> {
    const name = (await this.content(size, MAX_NAME_BYTES)).toString("latin1");
    return name.replace(/\0.*$/s, "");
  }

  async pax(size: number): Promise<Map<string, Buffer>> {
    return parsePax(await this.content(size, MAX_PAX_BYTES));
  }

  async drain(): Promise<void> {
    while ((await this.bytes.some(BLOCK_BYTES * 128)).length > 0);
  }

  private async content(size: number, max: number): Promise<Buffer> {
    if (size > max) throw new NkError("BAD_CONFIG", `an extended header has ${size} bytes, ${max} at most`);
    const content = await this.bytes.exactly(padded(size));
    this.offset += padded(size);
    return (content ?? Buffer.alloc(0)).subarray(0, size);
  }
}

/** @throws BAD_CONFIG when they add up to more than one entry may have */
function merged(all: ReadonlyMap<string, Buffer>, more: ReadonlyMap<string, Buffer>): Map<string, Buffer> {
  const result = new Map([...all, ...more]);
  const bytes = [...result].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (bytes <= MAX_PAX_BYTES) return result;
  throw new NkError("BAD_CONFIG", `extended headers for all files have more than ${MAX_PAX_BYTES} bytes`);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/** "LENGTH KEY=VALUE\n", where the length is that of the whole record. */
function parsePax(records: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (let at = 0; at < records.length;) {
    const space = records.indexOf(" ", at);
    const length = Number(records.toString("latin1", at, Math.max(space, at)));
    const equals = records.indexOf("=", space);
    const end = at + length;
    if (space < 0 || !Number.isInteger(length) || equals < 0 || equals >= end || end > records.length)
      throw new NkError("BAD_CONFIG", "an extended header of the archive is damaged");
    found.set(
      records.toString("latin1", space + 1, equals),
      Buffer.from(records.subarray(equals + 1, end - 1)),
    );
    at = end;
  }
  return found;
}

function applied(header: TarHeader, { path, linkPath, pax }: Extension): TarHeader {
  if (header.type === "S" || [...pax.keys()].some((key) => key.startsWith("GNU.sparse."))) {
    throw new NkError("BAD_CONFIG", `${header.path} is a sparse file of GNU tar, which layers do not have`);
  }
  const text = (key: string): string | undefined => pax.get(key)?.toString("latin1");
  const numbers = NUMBERS.flatMap((key) =>
    pax.has(key) ? [[key, paxNumber(key, text(key) ?? "")] as const] : [],
  );
  const mtimeS = Number(text("mtime") ?? header.mtimeS);
  const result = {
    ...header,
    path: text("path") ?? path ?? header.path,
    linkPath: text("linkpath") ?? linkPath ?? header.linkPath,
    ...Object.fromEntries(numbers),
    mtimeS: Math.min(Math.max(mtimeS || 0, 0), MAX_TIME_S),
  };
  for (const name of [result.path, result.linkPath]) {
    if (name.length >= MAX_NAME_BYTES || name.includes("\0"))
      throw new NkError(
        "BAD_CONFIG",
        `a name in the archive cannot be made: ${JSON.stringify(name.slice(0, 80))}`,
      );
  }
  return result;
}

function paxNumber(key: string, digits: string): number {
  if (/^\d{1,15}$/.test(digits)) return Number(digits);
  throw new NkError(
    "BAD_CONFIG",
    `${key} in an extended header is no number: ${JSON.stringify(digits.slice(0, 40))}`,
  );
}

function xattrsIn(pax: ReadonlyMap<string, Buffer>): Map<string, Buffer> {
  return new Map(
    [...pax].flatMap(([key, value]) =>
      key.startsWith(PAX_XATTR) ? [[key.slice(PAX_XATTR.length), value]] : [],
    ),
  );
}
