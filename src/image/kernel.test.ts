import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inspectKernel } from "./kernel.ts";
import { BUILTIN_TEXT, craftBzImage, craftElf } from "./testing/kernels.ts";
import { extractVmlinux } from "./vmlinux.ts";

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-kernel-"));
  path = join(dir, "kernel");
});
afterEach(() => rmSync(dir, { recursive: true }));

describe("inspectKernel", () => {
  it("reads the release and the payload's place from a bzImage", () => {
    writeFileSync(path, craftBzImage({ release: "6.8.0-31-generic", payload: Buffer.alloc(40) }));
    const payload = { offset: 5 * 512 + 512, length: 40 };
    expect(inspectKernel(path)).toEqual({ format: "bzImage", release: "6.8.0-31-generic", payload });
  });

  it("reads release and built-in drivers from a vmlinux", () => {
    writeFileSync(path, craftElf({ text: BUILTIN_TEXT.replace("virtiofs\0", "virtiofs_not\0") }));
    const found = new Set(["virtio-mmio", "virtio_console", "9pnet_virtio"]);
    expect(inspectKernel(path)).toEqual({ format: "elf", release: "6.1.9-nk", found, config: undefined });
  });

  it("reads the configuration that is built in", () => {
    const packed = gzipSync("CONFIG_ACPI=y\n# CONFIG_PCI is not set\nCONFIG_HZ=250\n").toString("latin1");
    writeFileSync(path, craftElf({ text: `${BUILTIN_TEXT}IKCFG_ST${packed}IKCFG_ED` }));
    const config = new Map([
      ["CONFIG_ACPI", "y"],
      ["CONFIG_HZ", "250"],
    ]);
    expect(inspectKernel(path)).toMatchObject({ release: "6.1.9-nk", config });
    writeFileSync(path, craftElf({ text: `${BUILTIN_TEXT}IKCFG_STnonsenseIKCFG_ED` }));
    expect(inspectKernel(path)).toMatchObject({ config: undefined });
  });

  it("finds words that lie across the border of two reads", () => {
    const head = craftElf();
    const text = "x".repeat(4 * 1024 * 1024 - head.length - 20) + BUILTIN_TEXT;
    writeFileSync(path, craftElf({ text }));
    expect(inspectKernel(path).release).toBe("6.1.9-nk");
  });

  it.each([
    ["an empty file", Buffer.alloc(0), /found an empty file/],
    ["text", Buffer.from("#!/bin/sh\n".repeat(100)), /is not a kernel/],
    ["an ELF file of another machine", craftElf({ machine: 183 }), /for another machine/],
    ["a 32-bit bzImage", craftBzImage({ bits: 32 }), /found a 32-bit kernel/],
    [
      "an arm64 kernel",
      Buffer.from(`${"\0".repeat(56)}ARM\x64${"\0".repeat(600)}`),
      /found a kernel for arm64/,
    ],
    ["a vmlinux without a PVH entry", craftElf({ pvh: false }), /no PVH entry.*CONFIG_PVH/],
  ])("refuses %s", (_, bytes: Buffer, message) => {
    writeFileSync(path, bytes);
    expect(() => inspectKernel(path)).toThrow(message);
  });

  it("refuses a file that is not there, with the way to one", () => {
    expect(() => inspectKernel(join(dir, "nothing"))).toThrow(/cannot read the guest kernel/);
  });
});

describe("extractVmlinux", () => {
  const vmlinux = craftElf({ text: BUILTIN_TEXT.repeat(100) });
  const size = Buffer.alloc(4);
  size.writeUInt32LE(vmlinux.length);

  async function extract(payload: Buffer): Promise<Buffer> {
    writeFileSync(path, craftBzImage({ payload }));
    const kernel = inspectKernel(path);
    if (kernel.format !== "bzImage" || !kernel.payload) throw new Error("no payload");
    return await extractVmlinux(path, kernel.payload);
  }

  it("undoes gzip", async () => {
    expect((await extract(gzipSync(vmlinux))).equals(vmlinux)).toBe(true);
  });

  it("undoes xz, zstd and lzma, which have the size behind the data", async () => {
    for (const tool of ["xz -c", "zstd -c", "xz -c --format=lzma -6"]) {
      const [command = "", ...args] = tool.split(" ");
      const packed = execFileSync(command, args, { input: vmlinux });
      expect((await extract(Buffer.concat([packed, size]))).equals(vmlinux)).toBe(true);
    }
  });

  it("refuses what it does not know, and a payload that is cut off", async () => {
    await expect(extract(Buffer.alloc(64, 7))).rejects.toThrow(/unknown compression/);
    writeFileSync(path, craftBzImage().subarray(0, 3000));
    await expect(extractVmlinux(path, { offset: 2900, length: 4000 })).rejects.toThrow(/behind its end/);
  });
});
