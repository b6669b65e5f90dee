import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openNamedFile, readNamedFile } from "./named-file.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-named-"));
});

afterEach(() => rmSync(dir, { recursive: true }));

const path = (name: string): string => join(dir, name);
const fifo = (): string => {
  execFileSync("mkfifo", [path("fifo")]);
  return path("fifo");
};

describe("a file that somebody has named", () => {
  it("is read, through a link too", () => {
    writeFileSync(path("file"), "text");
    symlinkSync("file", path("link"));
    expect(readNamedFile(path("link")).toString()).toBe("text");
  });

  it("is refused at once when it is a fifo, also with a writer", () => {
    expect(() => readNamedFile(fifo())).toThrow("it is a fifo, not a file");
    const writer = openSync(path("fifo"), constants.O_RDWR);
    expect(() => readNamedFile(path("fifo"))).toThrow("it is a fifo, not a file");
    closeSync(writer);
  });

  it("is refused when it is a folder, a device or a socket", async () => {
    expect(() => readNamedFile(dir)).toThrow("it is a folder, not a file");
    expect(() => readNamedFile("/dev/zero")).toThrow("it is a device, not a file");
    const server = createServer();
    await new Promise((resolve) => server.listen(path("socket"), () => resolve(undefined)));
    expect(() => readNamedFile(path("socket"))).toThrow("it is a socket or a device, not a file");
    server.close();
  });

  it("keeps the system's error where there is none", () => {
    expect(() => readNamedFile(path("none"))).toThrow(expect.objectContaining({ code: "ENOENT" }));
  });

  it("leaves no descriptor open", () => {
    const refused = fifo();
    const [before = -1, after] = [0, 1].map(() => {
      expect(() => openNamedFile(refused)).toThrow();
      const fd = openSync("/dev/null", "r");
      closeSync(fd);
      return fd;
    });
    expect(after).toBe(before);
  });
});

it.each(["/dev/fd/", "/proc/self/fd/"])("a descriptor that is open may be a fifo: %sN", (prefix) => {
  const fd = openSync(fifo(), constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path("fifo"), "w");
  writeFileSync(writer, "text");
  closeSync(writer);
  // A second open of it would wait for another writer.
  expect(readNamedFile(`${prefix}${fd}`).toString()).toBe("text");
  closeSync(fd);
});
