import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BoundedLog } from "../../src/host/bounded-log.ts";
import type { DiskFormat } from "../../src/image/disk-format.ts";
import { RootDisks, type Disk, type RootDisksRequest } from "../../src/image/root-disks.ts";
import { staticProgram } from "../fixtures/static-program.ts";

/** The real tools make the images; what is in them is read by the tools' own checkers. */
process.env["NK_SHADOW"] ??= fileURLToPath(new URL("../../build/bin/nk-shadow", import.meta.url));

let dir: string;
let rootfs: string;
let cache: string;
let log: BoundedLog;
/** What has been made. */
interface Made {
  format: DiskFormat;
  disks: readonly Disk[];
  close: () => Promise<void>;
}

const made: RootDisks[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "nk-disks-"));
  rootfs = join(dir, "rootfs");
  cache = join(dir, "cache");
  process.env["NK_DISK_CACHE"] = cache;
  log = new BoundedLog(join(dir, "log"));
  mkdirSync(join(rootfs, "etc"), { recursive: true });
  writeFileSync(join(rootfs, "etc/file"), "content");
  await anotherTick();
});

afterEach(async () => {
  for (const disks of made.splice(0)) await disks.close();
  log.close();
  delete process.env["NK_DISK_CACHE"];
  rmSync(dir, { recursive: true });
});

/** Until the kernel's clock has certainly moved on: an image of a tree that has just changed is not kept. */
async function anotherTick(): Promise<void> {
  const end = process.hrtime.bigint() + 150_000_000n;
  while (process.hrtime.bigint() < end) await new Promise(setImmediate);
}

function begin(changes: Partial<RootDisksRequest> = {}): RootDisks {
  const kernel = Promise.resolve({ lacks: [] });
  const disks = new RootDisks({ rootfs, want: "auto", kernel, writable: true, log, ...changes });
  made.push(disks);
  return disks;
}

async function make(changes: Partial<RootDisksRequest> = {}): Promise<Made> {
  const root = begin(changes);
  const [{ format }, disks] = await Promise.all([root.layout, root.ready]);
  root.inUse();
  return { format, disks, close: () => root.close() };
}

/** Runs `work` with a program of this name in front of those of the host. */
async function withTool<T>(name: string, script: string, work: () => Promise<T>): Promise<T> {
  const bin = join(dir, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const before = process.env["PATH"];
  process.env["PATH"] = `${bin}:${before}`;
  try {
    return await work();
  } finally {
    process.env["PATH"] = before;
  }
}

const images = (): string[] => readdirSync(cache).sort();
const catIn = (image: string): string =>
  execFileSync("debugfs", ["-R", "cat /etc/file", image], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });

describe("the disks of a root file system", () => {
  it("are an image, and a disk to write on", async () => {
    const { format, disks } = await make();
    expect(format).toBe("erofs");
    expect(disks.map(({ readOnly }) => readOnly)).toEqual([true, false]);
    execFileSync("fsck.erofs", [disks[0]?.path ?? ""], { stdio: "ignore" });
    execFileSync("e2fsck", ["-fn", disks[1]?.path ?? ""], { stdio: "ignore" });
    expect(images()).toEqual([expect.stringMatching(/\.erofs$/), expect.stringMatching(/\.upper$/)]);
  });

  it("are one when nothing is written", async () => {
    const { disks } = await make({ writable: false });
    expect(disks.length).toBe(1);
  });

  it("are a copy with ext4: what is written to it stays out of the image", async () => {
    const first = await make({ want: "ext4" });
    const path = first.disks[0]?.path ?? "";
    execFileSync("e2fsck", ["-fn", path], { stdio: "ignore" });
    expect(catIn(path)).toBe("content");
    execFileSync("debugfs", ["-w", "-R", "rm /etc/file", path], { stdio: "ignore" });
    expect(catIn(path)).toBe("");
    const second = await make({ want: "ext4" });
    expect(catIn(second.disks[0]?.path ?? "")).toBe("content");
    expect(images().length).toBe(1);
  });

  it("outlive their image, and leave nothing when they are closed", async () => {
    const disks = await make({ want: "ext4" });
    rmSync(cache, { recursive: true });
    expect(catIn(disks.disks[0]?.path ?? "")).toBe("content");
    await disks.close();
    expect(existsSync(disks.disks[0]?.path ?? "")).toBe(false);
  });

  it("are found again, and made anew after a change", async () => {
    await make();
    const before = images();
    await make();
    expect(images()).toEqual(before);
    chmodSync(join(rootfs, "etc/file"), 0o600);
    await anotherTick();
    await make();
    expect(images().length).toBe(2 * before.length);
  });

  it("are those of the folder behind a link", async () => {
    const link = join(dir, "link");
    symlinkSync(rootfs, link);
    await anotherTick();
    await make({ rootfs: link, want: "ext4" });
    writeFileSync(join(rootfs, "etc/file"), "changed");
    const { disks } = await make({ rootfs: link, want: "ext4" });
    expect(catIn(disks[0]?.path ?? "")).toBe("changed");
  });

  it("are the same when several are made at once", async () => {
    const all = await Promise.all([make(), make(), make()]);
    expect(all.map(({ disks }) => disks.length)).toEqual([2, 2, 2]);
    expect(images().length).toBe(2);
  });

  it("are not kept when the tree has just changed", async () => {
    writeFileSync(join(rootfs, "etc/file"), "changed");
    const { disks } = await make({ want: "ext4" });
    expect(catIn(disks[0]?.path ?? "")).toBe("changed");
    expect(images()).toEqual([]);
  });

  it("are ext4 where the host's erofs-utils does not keep times", async () => {
    await withTool("mkfs.erofs", "echo usage: mkfs.erofs --quiet", async () => {
      expect((await make()).format).toBe("ext4");
      await expect(make({ want: "erofs" })).rejects.toThrow(/bin\/mkfs\.erofs is older than 1\.5/);
    });
  });

  it("are refused for a tree that does not hold still", async () => {
    const real = execFileSync("sh", ["-c", "PATH=$PATH:/usr/sbin command -v mkfs.ext4"], {
      encoding: "utf8",
    });
    // Somebody else does it: the tool itself cannot write there.
    const script = `${real.trim()} "$@" && exec nsenter --mount --target=$PPID touch ${rootfs}/etc/new-$$`;
    await withTool("mkfs.ext4", script, async () => {
      await expect(make({ want: "ext4" })).rejects.toThrow(/was written to while its disk image was made/);
    });
    expect(readdirSync(join(rootfs, "etc")).length).toBe(3); // it was tried twice
    expect(images()).toEqual([]);
  });

  it("are known before they are there, and given up when nobody wants them", async () => {
    const fifo = join(dir, "started");
    execFileSync("mkfifo", [fifo]);
    await withTool("mkfs.ext4", `echo >${fifo}; exec sleep 1000`, async () => {
      const disks = begin({ want: "ext4" });
      expect(await disks.layout).toEqual({ format: "ext4", slots: [{ readOnly: false }] });
      await readFile(fifo); // until the tool runs
      await disks.close();
      await expect(disks.ready).rejects.toThrow("the disk image was given up");
    });
    expect(images()).toEqual([]);
  });

  it("are refused with the tool's own words when it fails", async () => {
    await withTool("mkfs.ext4", "echo no room for this >&2; exit 3", async () => {
      await expect(make({ want: "ext4" })).rejects.toMatchObject({
        code: "HOST",
        message: expect.stringMatching(/mkfs\.ext4 exited with code 3/) as string,
        log: "no room for this\n",
      });
    });
    expect(images()).toEqual([]);
  });

  it("are ext4 where a file system keeps no extended attributes, which mkfs.erofs cannot read", async () => {
    const plain = join(rootfs, "plain");
    await withoutXattrs(plain, async () => {
      expect((await make()).format).toBe("ext4");
      const { layout } = begin({ want: "erofs" });
      const reason = `erofs: mkfs.erofs reads no file system without extended attributes, and that of ${plain} has none`;
      await expect(layout).rejects.toMatchObject({
        code: "UNSUPPORTED",
        message: expect.stringContaining(reason),
        see: expect.stringContaining("--vm-block-fs=auto"),
      });
    });
    await anotherTick();
    expect((await make()).format).toBe("erofs");
  });
});

/** Runs `work` while such a file system is mounted on a new folder. */
async function withoutXattrs(mountPoint: string, work: () => Promise<void>): Promise<void> {
  mkdirSync(mountPoint);
  const server = spawn(staticProgram("no-xattrs"), [mountPoint], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(server, "exit");
  try {
    expect(String(await once(server.stdout, "data"))).toBe("mounted\n");
    await work();
  } finally {
    execFileSync("umount", ["--lazy", mountPoint]);
    await ended;
  }
}
