import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cpioArchive } from "./cpio.ts";
import { resolveGuestImage } from "./guest-image.ts";
import { BUILTIN_TEXT, craftBzImage, craftElf } from "./testing/kernels.ts";

const RELEASE = "0.0-test";
const BASE = cpioArchive([{ type: "file", name: "/init", mode: 0o755, data: Buffer.from("agent") }]);

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-image-"));
  put("rootfs/initramfs.cpio", BASE);
});
afterEach(() => rmSync(dir, { recursive: true }));

function put(name: string, data: Buffer | string): void {
  mkdirSync(dirname(join(dir, name)), { recursive: true });
  writeFileSync(join(dir, name), data);
}

function putKernel(data: Buffer): void {
  put("kernels/kernel-file", data);
  symlinkSync("kernel-file", join(dir, "kernels/default"));
}

function putModules(dep: string): void {
  put(`kernels/modules-${RELEASE}/modules.dep`, dep);
  put(`kernels/modules-${RELEASE}/modules.builtin`, "kernel/drivers/char/virtio_console.ko\n");
  for (const file of dep.matchAll(/^[^:]+/gm))
    put(`kernels/modules-${RELEASE}/${file[0]}`, `code of ${file[0]}`);
}

const resolve = (runtime: "crun" | "runc" = "crun") => resolveGuestImage({ runtime, imageDirs: [dir] });

/** Names in an initramfs: cpio stops at the first trailer, so each archive is listed on its own. */
function namesAfterBase(initrd: string): string[] {
  const added = readFileSync(initrd).subarray(BASE.length);
  return execFileSync("cpio", ["-it", "--quiet"], { input: added, encoding: "utf8" }).trim().split("\n");
}

describe("resolveGuestImage", () => {
  it("takes a kernel with everything built in, and the base alone", async () => {
    putKernel(craftElf({ text: BUILTIN_TEXT }));
    const image = await resolve();
    expect(image).toMatchObject({
      kernel: {
        path: join(dir, "kernels/kernel-file"),
        format: "elf",
        release: "6.1.9-nk",
        shares: ["virtiofs", "9p"],
      },
      initrd: join(dir, "rootfs/initramfs.cpio"),
    });
    // No word of ext4 in it, and no configuration that would tell of the rest.
    const lacks = image.kernel.lacks.map(({ feature }) => feature);
    expect(lacks).toContain("ext4");
    expect(lacks).not.toContain("memory");
    expect(await resolve()).toEqual(image);
  });

  it("takes an archive that does not fill its last page in a copy that does", async () => {
    putKernel(craftElf({ text: BUILTIN_TEXT }));
    put("rootfs/initramfs.cpio", Buffer.concat([BASE, Buffer.alloc(3308)]));
    const { initrd } = await resolve();
    const copy = readFileSync(initrd);
    expect(copy.subarray(0, BASE.length).equals(BASE)).toBe(true);
    expect(copy.length).toBe(BASE.length + 4096);
  });

  it("adds a kernel's modules in load order, and only the kinds of share that it has", async () => {
    putKernel(craftBzImage({ release: RELEASE }));
    putModules(
      "v/virtio_mmio.ko: v/virtio.ko\nv/virtio.ko:\nf/virtiofs.ko: f/fuse.ko\nf/fuse.ko:\nn/tun.ko:\n",
    );
    const { kernel, initrd } = await resolve();
    expect(kernel).toMatchObject({ format: "bzImage", release: RELEASE, shares: ["virtiofs"] });
    const text = readFileSync(initrd, "latin1");
    expect(text).toContain(
      "/lib/nk/virtio.ko\n/lib/nk/virtio_mmio.ko\n/lib/nk/fuse.ko\n/lib/nk/virtiofs.ko\n",
    );
    expect(text).toContain("tun /lib/nk/tun.ko\n");
    expect(namesAfterBase(initrd)).toEqual(expect.arrayContaining(["etc/nk/modules", "lib/nk/tun.ko"]));
  });

  it("unpacks a bzImage where it can", async () => {
    const vmlinux = craftElf({ text: BUILTIN_TEXT });
    putKernel(craftBzImage({ release: RELEASE, payload: gzipSync(vmlinux) }));
    const { kernel } = await resolve();
    expect(kernel).toMatchObject({ format: "elf", release: RELEASE, shares: ["virtiofs", "9p"] });
    expect(readFileSync(kernel.path).equals(vmlinux)).toBe(true);
  });

  it("prepares anew when a source changed or the prepared file is gone", async () => {
    putKernel(craftBzImage({ release: RELEASE }));
    putModules("v/virtio_mmio.ko:\nf/virtiofs.ko:\n");
    const first = await resolve();
    rmSync(first.initrd);
    expect((await resolve()).initrd).toBe(first.initrd);
    put("rootfs/initramfs.cpio", Buffer.concat([BASE, Buffer.alloc(4)]));
    expect((await resolve()).initrd).not.toBe(first.initrd);
  });

  it("prepares anew when modules or a configuration come", async () => {
    putKernel(craftElf({ text: BUILTIN_TEXT.replace("virtiofs\0", "") }));
    expect((await resolve()).kernel.shares).toEqual(["9p"]);
    const options = ["BLK_DEV_INITRD", "ACPI", "VIRTIO_MMIO", "VIRTIO_CONSOLE", "PROC_FS", "SYSFS"];
    const more = ["DEVTMPFS", "UNIX98_PTYS", "TMPFS", "CGROUPS", "VIRTIO_FS"];
    put("kernels/config-6.1.9-nk", [...options, ...more].map((name) => `CONFIG_${name}=y\n`).join(""));
    const { shares, lacks } = (await resolve()).kernel;
    expect(shares).toEqual(["virtiofs"]);
    expect(lacks.map(({ feature }) => feature)).toContain("memory");
  });

  it("names what the kernel lacks", async () => {
    putKernel(craftBzImage({ release: RELEASE }));
    putModules("v/virtio_mmio.ko:\nf/fuse.ko:\n");
    await expect(resolve()).rejects.toThrow(
      /has no share: it cannot mount the share virtiofs \(CONFIG_VIRTIO_FS\) and cannot/,
    );
    putModules("f/virtiofs.ko:\n");
    await expect(resolve()).rejects.toThrow(
      /cannot drive virtio devices \(CONFIG_VIRTIO_MMIO\); its modules are in /,
    );
  });

  it("refuses a kernel that has neither modules nor the drivers built in", async () => {
    putKernel(craftElf({ text: BUILTIN_TEXT.replace("virtio-mmio", "x") }));
    await expect(resolve()).rejects.toThrow(/\(CONFIG_VIRTIO_MMIO\); no modules were found: looked for/);
  });

  it("reads a kernel's configuration beside it, and refuses a kernel that no guest comes up on", async () => {
    putKernel(craftElf({ text: BUILTIN_TEXT }));
    put("kernels/config-6.1.9-nk", "CONFIG_VIRTIO_FS=y\nCONFIG_ACPI=y\n");
    await expect(resolve()).rejects.toThrow(/cannot unpack an initramfs \(CONFIG_BLK_DEV_INITRD\)/);
  });

  it("refuses what is not an initramfs", async () => {
    putKernel(craftElf({ text: BUILTIN_TEXT }));
    put("rootfs/initramfs.cpio", "#!/bin/sh\n");
    await expect(resolve()).rejects.toThrow(/initramfs\.cpio is not an initramfs: expected a cpio archive/);
  });

  it("appends runc when it is asked for, and says how to get it", async () => {
    putKernel(craftElf({ text: BUILTIN_TEXT }));
    await expect(resolve("runc")).rejects.toThrow(/no runc for the guest/);
    put("rootfs/initramfs-runc.cpio", cpioArchive([{ type: "dir", name: "/runc-was-here", mode: 0o755 }]));
    expect(namesAfterBase((await resolve("runc")).initrd)).toEqual(["runc-was-here"]);
  });

  it("says where it looked for an image", async () => {
    await expect(resolve()).rejects.toThrow(`there is no guest kernel: looked for ${dir}/kernels/default`);
  });
});
