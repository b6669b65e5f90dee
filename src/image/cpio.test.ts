import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cpioArchive } from "./cpio.ts";
import type { CpioEntry } from "./cpio.ts";

const ENTRIES: CpioEntry[] = [
  { type: "dir", name: "/dev", mode: 0o755 },
  { type: "nod", name: "/dev/console", mode: 0o600, major: 5, minor: 1 },
  { type: "dir", name: "/tmp", mode: 0o1777 },
  { type: "file", name: "/init", mode: 0o755, data: Buffer.from("hello") },
  { type: "slink", name: "/linuxrc", target: "init" },
];

describe("cpioArchive", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "nk-cpio-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it("is listed by cpio with types, modes and device numbers", () => {
    const listing = execFileSync("cpio", ["-itv", "--quiet"], {
      input: cpioArchive(ENTRIES),
      encoding: "utf8",
    });
    const lines = listing.trimEnd().split("\n");
    expect(lines).toHaveLength(ENTRIES.length);
    expect(lines[0]).toMatch(/^drwxr-xr-x .* dev$/);
    expect(lines[1]).toMatch(/^crw------- .* 5, +1 .* dev\/console$/);
    expect(lines[2]).toMatch(/^drwxrwxrwt .* tmp$/);
    expect(lines[3]).toMatch(/^-rwxr-xr-x .* 5 .* init$/);
    expect(lines[4]).toMatch(/linuxrc -> init$/);
  });

  it("is unpacked by cpio to the same contents, for all paddings", () => {
    const files: CpioEntry[] = [0, 1, 2, 3, 4, 5].map((length) => ({
      type: "file",
      name: `f${"x".repeat(length)}`,
      mode: 0o640,
      data: Buffer.alloc(length, "d"),
    }));
    execFileSync("cpio", ["-id", "--quiet"], {
      input: cpioArchive([...files, { type: "slink", name: "l", target: "f" }]),
      cwd: dir,
    });
    for (const length of [0, 1, 2, 3, 4, 5]) {
      const path = join(dir, `f${"x".repeat(length)}`);
      expect(readFileSync(path, "utf8")).toBe("d".repeat(length));
      expect(statSync(path).mode & 0o7777).toBe(0o640);
    }
    expect(readlinkSync(join(dir, "l"))).toBe("f");
  });

  it("gives the same bytes for the same entries, and whole pages", () => {
    expect(cpioArchive(ENTRIES).equals(cpioArchive(ENTRIES))).toBe(true);
    expect(cpioArchive(ENTRIES).length % 4096).toBe(0);
  });

  it("refuses a name that the kernel would not unpack", () => {
    expect(() => cpioArchive([{ type: "dir", name: "x".repeat(4096), mode: 0o755 }])).toThrow(/4096 bytes/);
  });
});
