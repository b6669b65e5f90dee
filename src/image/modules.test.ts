import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findModulesDir, hasModule, loadOrder, moduleName, readModuleTree } from "./modules.ts";

describe("modules", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "nk-modules-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  function tree(dep: string, builtin = "") {
    writeFileSync(join(dir, "modules.dep"), dep);
    writeFileSync(join(dir, "modules.builtin"), builtin);
    return readModuleTree(dir);
  }

  it("puts every module behind all that it needs, each once", () => {
    const order = loadOrder(
      tree("k/a.ko.xz: k/b.ko k/c-d.ko\nk/b.ko: k/c-d.ko\nk/c-d.ko:\nk/e.ko: k/b.ko k/c-d.ko\n"),
      ["a", "e"],
    );
    expect(order).toEqual(["k/c-d.ko", "k/b.ko", "k/a.ko.xz", "k/e.ko"]);
  });

  it("needs no file for what is built in", () => {
    const both = tree("k/a.ko:\n", "kernel/drivers/virtio/virtio-mmio.ko\n");
    expect(loadOrder(both, ["virtio_mmio", "a"])).toEqual(["k/a.ko"]);
    expect(hasModule(both, "virtio_mmio")).toBe(true);
    expect(hasModule(both, "nothing")).toBe(false);
  });

  it("names a module that the kernel lacks", () => {
    expect(() => loadOrder(tree("k/a.ko:\n"), ["9p"])).toThrow(/no module 9p, neither built in nor in/);
  });

  it("does not run in circles", () => {
    expect(() => loadOrder(tree("k/a.ko: k/b.ko\nk/b.ko: k/a.ko\n"), ["a"])).toThrow(/depends on itself/);
  });

  it("knows a module by its name however the file is called", () => {
    expect(moduleName("kernel/drivers/char/hw_random/virtio-rng.ko.zst")).toBe("virtio_rng");
    expect(moduleName("9p.ko")).toBe("9p");
  });

  it("prefers the modules beside the kernel file", () => {
    writeFileSync(join(dir, "vmlinuz"), "");
    expect(findModulesDir(join(dir, "vmlinuz"), "0.0-none")).toBeUndefined();
    mkdirSync(join(dir, "modules-0.0-none"));
    writeFileSync(join(dir, "modules-0.0-none/modules.dep"), "");
    expect(findModulesDir(join(dir, "vmlinuz"), "0.0-none")).toBe(join(dir, "modules-0.0-none"));
  });

  it("finds those around the kernel itself", () => {
    mkdirSync(join(dir, "0.0-none"));
    writeFileSync(join(dir, "0.0-none/vmlinuz"), "");
    writeFileSync(join(dir, "0.0-none/modules.dep"), "");
    expect(findModulesDir(join(dir, "0.0-none/vmlinuz"), "0.0-none")).toBe(join(dir, "0.0-none"));
  });

  it("finds those of an unpacked package, and says how to index them", () => {
    mkdirSync(join(dir, "boot"));
    mkdirSync(join(dir, "lib/modules/0.0-none"), { recursive: true });
    writeFileSync(join(dir, "boot/vmlinuz"), "");
    writeFileSync(join(dir, "lib/modules/0.0-none/modules.builtin"), "");
    const found = findModulesDir(join(dir, "boot/vmlinuz"), "0.0-none") ?? "";
    expect(found).toBe(join(dir, "lib/modules/0.0-none"));
    expect(() => readModuleTree(found)).toThrow(`make it with depmod -b ${dir} 0.0-none`);
  });
});
