import { spawn } from "node:child_process";
import { createHash, type Hash } from "node:crypto";
import { closeSync, createReadStream, openSync, readSync } from "node:fs";
import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { NkError } from "../base/errors.ts";
import { printableLine } from "../base/printable.ts";
import { reasonOf } from "../base/system-error.ts";

/** Bytes of an image that can be read from their beginning, more than once. */
export interface Blob {
  /** For messages. */
  name: string;
  bytes: number;
  /** "sha256:…" of the bytes, where the image says it. */
  digest: string | undefined;
  /** The first bytes, as many as there are of `count`. */
  head(count: number): Buffer;
  open(): Readable;
}

/** A part of a file. */
export function fileBlob(
  path: string,
  {
    name,
    offset,
    bytes,
    digest,
  }: { name: string; offset: number; bytes: number; digest: string | undefined },
): Blob {
  const head = (count: number): Buffer => {
    const fd = openSync(path, "r");
    try {
      const buffer = Buffer.alloc(Math.min(count, bytes));
      return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, offset));
    } finally {
      closeSync(fd);
    }
  };
  const open = (): Readable =>
    bytes === 0 ? Readable.from([]) : createReadStream(path, { start: offset, end: offset + bytes - 1 });
  return { name, bytes, digest, head, open };
}

const DIGEST = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** @throws BAD_CONFIG for what is no digest of a kind that can be checked */
export function checkDigest(digest: unknown): string {
  if (typeof digest === "string" && DIGEST.test(digest)) return digest;
  const found = printableLine(JSON.stringify(digest ?? null).slice(0, 80));
  throw new NkError("BAD_CONFIG", `the image has a digest that cannot be checked: ${found}`);
}

/** A small one as a whole. @throws BAD_CONFIG when it is larger than `maxBytes`, or not what its digest says */
export async function readBlob(blob: Blob, maxBytes: number): Promise<Buffer> {
  if (blob.bytes > maxBytes)
    throw new NkError("BAD_CONFIG", `${blob.name} of the image has ${blob.bytes} bytes, ${maxBytes} at most`);
  const parts: Buffer[] = [];
  const check = new DigestCheck(blob.name, blob.digest);
  for await (const part of blob.open() as AsyncIterable<Buffer>) {
    check.update(part);
    parts.push(part);
  }
  check.end();
  return Buffer.concat(parts);
}

/**
 * The tar archive of a layer: unpacked where it is packed by gzip or zstd, and at its end found to be what the digests say.
 * @param diffId digest of the archive itself, where the image says it
 * @param budget counts the archive's bytes
 */
export async function* openLayer(
  blob: Blob,
  diffId: string | undefined,
  budget: Budget,
): AsyncGenerator<Buffer, void, void> {
  const packed = new DigestCheck(blob.name, blob.digest);
  const plain = new DigestCheck(blob.name, diffId);
  const source = blob.open();
  const counted = async function* (): AsyncGenerator<Buffer, void, void> {
    for await (const part of source as AsyncIterable<Buffer>) {
      packed.update(part);
      yield part;
    }
  };
  for await (const part of unpacked(counted(), blob)) {
    plain.update(part);
    budget.take(part.length);
    yield part;
  }
  packed.end();
  plain.end();
}

/** How much an image may come to. */
export class Budget {
  private left: number;
  private readonly max: number;

  /** @param max bytes */
  constructor(max: number) {
    this.left = max;
    this.max = max;
  }

  /** @throws HOST when there is no room for more */
  take(bytes: number): void {
    this.left -= bytes;
    if (this.left >= 0) return;
    const mib = Math.floor(this.max / 1024 / 1024);
    throw new NkError("HOST", `the image comes to more than the ${mib} MiB that there is room for`);
  }
}

class DigestCheck {
  private readonly name: string;
  private readonly expected: string | undefined;
  private readonly hash: Hash;

  constructor(name: string, expected: string | undefined) {
    this.name = name;
    this.expected = expected;
    this.hash = createHash(expected?.startsWith("sha512:") === true ? "sha512" : "sha256");
  }

  update(part: Buffer): void {
    if (this.expected !== undefined) this.hash.update(part);
  }

  end(): void {
    if (this.expected === undefined) return;
    const found = `${this.expected.split(":")[0]}:${this.hash.digest("hex")}`;
    if (found === this.expected) return;
    throw new NkError(
      "BAD_CONFIG",
      `${this.name} of the image is damaged, or not what it says: expected ${this.expected}, found ${found}`,
    );
  }
}

/** RFC 1952, RFC 8878; xz and bzip2, which no layer has by the specification. */
const MAGIC = { gzip: "1f8b", zstd: "28b52ffd", xz: "fd377a58", bzip2: "425a68" } as const;

/** How something is packed, by its first bytes; undefined: it is not, or in no known way. */
export function packingOf(blob: Blob): keyof typeof MAGIC | undefined {
  const start = blob.head(4).toString("hex");
  const kinds = Object.keys(MAGIC) as (keyof typeof MAGIC)[];
  return kinds.find((kind) => start.startsWith(MAGIC[kind]));
}

function unpacked(source: AsyncIterable<Buffer>, blob: Blob): AsyncIterable<Buffer> {
  const { name } = blob;
  const kind = packingOf(blob);
  if (kind === undefined) return source;
  if (kind === "gzip") return through(source, createGunzip(), name);
  if (kind === "zstd") return zstd(source, name);
  throw new NkError(
    "UNSUPPORTED",
    `${name} of the image is packed by ${kind}: expected gzip, zstd or nothing`,
  );
}

async function* through(
  source: AsyncIterable<Buffer>,
  unpacker: Transform,
  name: string,
): AsyncGenerator<Buffer, void, void> {
  // Its failure arrives by the unpacker, which it destroys.
  pipeline(source, unpacker).catch(() => {});
  try {
    yield* unpacker as AsyncIterable<Buffer>;
  } catch (cause) {
    if (cause instanceof NkError) throw cause;
    throw new NkError("BAD_CONFIG", `${name} of the image cannot be unpacked: ${reasonOf(cause)}`, { cause });
  }
}

/** By the program: node has it since version 22.15 only. */
async function* zstd(source: AsyncIterable<Buffer>, name: string): AsyncGenerator<Buffer, void, void> {
  const child = spawn("zstd", ["-dc"], { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-500)));
  const ended = new Promise<number | string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code) => resolve(code ?? "killed"));
  });
  const fed = pipeline(source, child.stdin).catch((error: unknown) => error);
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    const status = await ended;
    if (typeof status === "string")
      throw new NkError(
        "UNSUPPORTED",
        `${name} of the image is packed by zstd, which is not installed: apt-get install zstd`,
      );
    if (status !== 0)
      throw new NkError(
        "BAD_CONFIG",
        `${name} of the image cannot be unpacked: ${printableLine(errors.trim())}`,
      );
    await fed;
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}
