import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addKernel } from "./add-kernel.ts";
import { listKernels } from "./kernel-list.ts";
import { BUILTIN_TEXT, craftBzImage, craftElf } from "./testing/kernels.ts";

const RELEASE = "0.0-test";
const ALL_MODULES = "m/virtio_mmio.ko: m/virtio.ko\nm/virtio.ko:\nm/virtiofs.ko:\nm/sound.ko:\n";

let dir: string;
let image: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-add-"));
  image = join(dir, "image");
  mkdirSync(image);
});
afterEach(() => rmSync(dir, { recursive: true }));

function put(name: string, data: Buffer | string): string {
  const path = join(dir, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, data);
  return path;
}

/** A bzImage as in an unpacked package: boot/ and lib/modules/. */
function unpackedPackage(dep = ALL_MODULES): string {
  const modules = `pkg/lib/modules/${RELEASE}`;
  put(`${modules}/modules.dep`, dep);
  put(`${modules}/modules.builtin`, "kernel/drivers/char/virtio_console.ko\n");
  for (const [file] of dep.matchAll(/^[^:]+/gm)) put(`${modules}/${file}`, `code of ${file}`);
  return put(`pkg/boot/vmlinuz-${RELEASE}`, craftBzImage({ release: RELEASE }));
}

const add = (file: string, options: { name?: string; modules?: string; makeDefault?: boolean } = {}) =>
  addKernel({
    file,
    name: undefined,
    modules: undefined,
    makeDefault: false,
    imageDirs: [image],
    ...options,
  });

const kernels = (): string[] => readdirSync(join(image, "kernels")).sort();

describe("addKernel", () => {
  it("copies a kernel with the modules that a guest needs, and its configuration", async () => {
    put(`pkg/boot/config-${RELEASE}`, configWith());
    const { path, modules } = await add(unpackedPackage());
    expect(path).toBe(join(image, `kernels/vmlinuz-${RELEASE}`));
    expect(kernels()).toEqual([`config-${RELEASE}`, `modules-${RELEASE}`, `vmlinuz-${RELEASE}`]);
    expect(modules?.dir).toBe(join(image, `kernels/modules-${RELEASE}`));
    expect([...(modules?.files.keys() ?? [])].sort()).toEqual(["virtio", "virtio_mmio", "virtiofs"]);
  });

  it("takes modules from elsewhere, a name, and makes it the default", async () => {
    const file = unpackedPackage();
    const alone = put("alone", readFileSync(file));
    await expect(add(alone)).resolves.toMatchObject({ modules: undefined, isOpaque: true });
    await add(alone, { name: "mine", modules: join(dir, "pkg"), makeDefault: true });
    expect(readlinkSync(join(image, "kernels/default"))).toBe("mine");
    expect(existsSync(join(image, `kernels/modules-${RELEASE}/modules.dep`))).toBe(true);
  });

  it.each([
    ["what is no kernel", () => put("k", "text".repeat(200)), /is not a kernel/],
    ["another machine's", () => put("k", craftElf({ machine: 183 })), /for another machine/],
    ["one without a PVH entry", () => put("k", craftElf({ pvh: false })), /no PVH entry/],
    ["one without drivers", () => put("k", craftElf({ text: "virtio-mmio\0" })), /CONFIG_VIRTIO_CONSOLE/],
    ["one without a share", () => unpackedPackage("m/virtio_mmio.ko:\n"), /has no share/],
  ])("refuses %s, and leaves nothing", async (_, make, message) => {
    await expect(add(make())).rejects.toThrow(message);
    expect(existsSync(join(image, "kernels"))).toBe(false);
  });

  it("refuses a name that is taken, or that would be mistaken", async () => {
    const file = put("vmlinux", craftElf({ text: BUILTIN_TEXT }));
    await add(file, { name: "one" });
    await expect(add(file, { name: "one" })).rejects.toThrow(/exists: take another --name/);
    for (const name of ["default", "config-6", "a/b", ".hidden", ""])
      await expect(add(file, { name })).rejects.toThrow(/--name: expected/);
    expect(kernels()).toEqual(["one"]);
  });

  it("leaves nothing when a module cannot be read, and clears what was killed", async () => {
    const file = unpackedPackage();
    rmSync(join(dir, `pkg/lib/modules/${RELEASE}/m/virtiofs.ko`));
    mkdirSync(join(image, "kernels/.add-999999999"), { recursive: true });
    await expect(add(file)).rejects.toThrow(/cannot read the kernel module/);
    expect(kernels()).toEqual([]);
  });
});

describe("listKernels", () => {
  it("describes each kernel, marks the default, and says what is wrong with others", async () => {
    put("image/kernels/vmlinux", craftElf({ text: BUILTIN_TEXT }));
    put("image/kernels/vmlinuz", craftBzImage({ payload: gzipSync(craftElf({ text: BUILTIN_TEXT })) }));
    put("image/kernels/broken", "x".repeat(1000));
    put("image/kernels/config-1", "");
    put("image/kernels/modules-1/modules.dep", "");
    symlinkSync("vmlinuz", join(image, "kernels/default"));
    const entries = await listKernels([image, join(dir, "none")]);
    expect(entries).toMatchObject([
      {
        name: "broken",
        isDefault: false,
        kernel: { problem: expect.stringMatching(/not a kernel/) as unknown },
      },
      { name: "vmlinux", isDefault: false, kernel: { format: "elf", release: "6.1.9-nk" } },
      { name: "vmlinuz", isDefault: true, kernel: { format: "bzImage", release: "6.1.0-test" } },
    ]);
  });
});

function configWith(): string {
  const options = ["BLK_DEV_INITRD", "ACPI", "VIRTIO_MMIO", "VIRTIO_CONSOLE", "PROC_FS", "SYSFS", "DEVTMPFS"];
  return [...options, "UNIX98_PTYS", "TMPFS", "CGROUPS"].map((name) => `CONFIG_${name}=y\n`).join("");
}
