import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NkError } from "../../src/base/errors.ts";
import { file, folder, hardLink, link, tar, type TarMember } from "../fixtures/tar.ts";
import { readTar, type TarEntry } from "../../src/container-image/tar-reader.ts";

interface Found extends Omit<TarEntry, "data"> {
  content: string;
}

/** In pieces of that many bytes. @param leave the content of files is not read */
async function read(archive: Buffer, chunkBytes = 700, leave = false): Promise<Found[]> {
  const found: Found[] = [];
  for await (const { data, ...entry } of readTar(pieces(archive, chunkBytes))) {
    const parts: Buffer[] = [];
    if (!leave) for await (const part of data) parts.push(part);
    found.push({ ...entry, content: Buffer.concat(parts).toString("latin1") });
  }
  return found;
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const names = (entries: readonly Found[]): string[] => entries.map(({ path }) => path);
const refused = (archive: Buffer, message: RegExp): Promise<void> =>
  expect(read(archive)).rejects.toThrow(message);

describe("readTar", () => {
  it("takes no extended headers for all files without end", async () => {
    const header = (n: number, bytes: number): TarMember => {
      const { length } = `${n}=`;
      const head = String(bytes + length + 6).padStart(4, "0");
      return { path: "g", type: "g", data: `${head} ${n}=${"x".repeat(bytes)}\n` };
    };
    const headers = Array.from({ length: 200 }, (_, n) => header(n + 100, 9_000));
    await refused(tar(headers), /extended headers for all files have more than 1048576 bytes/);
    expect(names(await read(tar([...headers.slice(0, 100), file("a")])))).toEqual(["a"]);
  });

  const members = [
    folder("a/", { mode: 0o1777 }),
    file("a/b", "content", { uid: 5, gid: 6 }),
    link("l", "a/b"),
    hardLink("h", "a/b"),
  ];

  it.each([1, 511, 512, 100_000])("reads what there is, in pieces of %i bytes", async (bytes) => {
    const found = await read(tar(members), bytes);
    expect(found).toMatchObject([
      { type: "5", path: "a/", mode: 0o1777, content: "" },
      { type: "0", path: "a/b", uid: 5, gid: 6, content: "content", mtimeS: 1_000_000_000 },
      { type: "2", path: "l", linkPath: "a/b" },
      { type: "1", path: "h", linkPath: "a/b" },
    ]);
  });

  it("goes on behind content that nobody read", async () => {
    const archive = tar([file("a", "x".repeat(2000)), file("b")]);
    expect(names(await read(archive, 100, true))).toEqual(["a", "b"]);
  });

  it("takes what pax says: names of any bytes, sizes, times, attributes", async () => {
    const long = `d/${"ä".repeat(200)}`;
    const pax = {
      path: long,
      mtime: "123.5",
      uid: "3000000000",
      "SCHILY.xattr.user.x": Buffer.from([0, 255, 10, 61]),
    };
    const [entry] = await read(tar([file("short", "abc", { pax })]));
    expect(Buffer.from(entry?.path ?? "", "latin1").toString("utf8")).toBe(long);
    expect(entry).toMatchObject({ mtimeS: 123.5, uid: 3_000_000_000, content: "abc" });
    expect(entry?.xattrs.get("user.x")).toEqual(Buffer.from([0, 255, 10, 61]));
  });

  it("takes GNU's long names, and an archive without its end", async () => {
    const long = "x".repeat(300);
    const archive = tar([{ path: "././@LongLink", type: "L", data: `${long}\0` }, file("short", "abc")]);
    expect(await read(archive.subarray(0, archive.length - 1024))).toMatchObject([
      { path: long, content: "abc" },
    ]);
  });

  it("reads past the end, so that a digest has all bytes", async () => {
    let seen = 0;
    const archive = Buffer.concat([tar([file("a")]), Buffer.alloc(5000)]);
    async function* counted(): AsyncGenerator<Buffer, void, void> {
      for await (const part of pieces(archive, 512)) {
        seen += part.length;
        yield part;
      }
    }
    for await (const _ of readTar(counted()));
    expect(seen).toBe(archive.length);
  });

  it.each<[string, TarMember, RegExp]>([
    ["more than there is", file("a", "x", { size: 1_000_000 }), /cut off: \d+ more bytes/],
    ["a size of some exabytes", file("a", "x", { size: 8 ** 11 - 1 }), /cut off/],
    [
      "an extended header of a gigabyte",
      { path: "pax", type: "x", size: 2 ** 30 },
      /extended header has 1073741824 bytes/,
    ],
    ["a long name of a gigabyte", { path: "l", type: "L", size: 2 ** 30 }, /extended header has/],
    [
      "records that are none",
      { path: "pax", type: "x", data: "999999 path=x\n" },
      /extended header of the archive is damaged/,
    ],
    ["a record without end", { path: "pax", type: "x", data: "5" }, /damaged/],
    [
      "a size that is none",
      file("a", "x", { pax: { size: "-1" } }),
      /size in an extended header is no number/,
    ],
    ["a name with a NUL", file("a", "x", { pax: { path: "a\0b" } }), /name in the archive cannot be made/],
    ["a name that is too long", file("a", "x", { pax: { path: "a/".repeat(3000) } }), /cannot be made/],
    ["a sparse file", { path: "s", type: "S" }, /sparse file/],
  ])("refuses %s", async (_, member, message) => {
    await refused(tar([member]), message);
  });

  it("refuses what is no archive", async () => {
    await refused(Buffer.from("hello ".repeat(500)), /no tar archive/);
    await refused(tar([file("a")]).subarray(0, 100), /cut off/);
  });

  it("ends for any bytes, with an error of ours or without", async () => {
    const archive = tar([...members, file("p", "x", { pax: { path: "long", "SCHILY.xattr.user.y": "z" } })]);
    const edit = fc.tuple(fc.nat(archive.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 8 }), async (edits) => {
        const broken = Buffer.from(archive);
        for (const [at, byte] of edits) broken[at] = byte;
        try {
          await read(broken);
        } catch (error) {
          expect(error).toBeInstanceOf(NkError);
        }
      }),
    );
  });
});
