import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { shapeKey, type Shape } from "./shape.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nk-shape-"));
  for (const name of ["vmm", "jailer", "server", "vmlinux", PREPARED])
    writeFileSync(join(folder, name), name);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As the cache of guest images names it. */
const PREPARED = "initrd-0123456789abcdef0123.cpio";

function shape(changes: Partial<Shape> = {}): Shape {
  const path = join(folder, "vmlinux");
  return {
    vmm: "qemu",
    program: join(folder, "vmm"),
    jailer: join(folder, "jailer"),
    accel: "tcg",
    kernel: { path, file: path, format: "elf", release: "6.1", shares: ["virtiofs", "9p"], lacks: [] },
    initrd: join(folder, PREPARED),
    vcpus: 1,
    memSizeMib: 512,
    root: "share",
    volumes: "virtiofs",
    server: join(folder, "server"),
    diskSlots: [],
    debug: false,
    ...changes,
  };
}

test("what goes through JSON, in any order, keeps its key", () => {
  const { vmm, ...rest } = JSON.parse(JSON.stringify(shape())) as Shape;
  expect(shapeKey({ ...rest, vmm })).toBe(shapeKey(shape()));
  const { jailer: _, ...without } = shape();
  expect(shapeKey(without)).toBe(shapeKey(shape({ jailer: undefined })));
});

test.each<[string, Partial<Shape>]>([
  ["VMM", { vmm: "firecracker" }],
  ["program", { program: "/elsewhere/vmm" }],
  ["jailer", { jailer: undefined }],
  ["acceleration", { accel: "kvm" }],
  ["initramfs", { initrd: "/elsewhere/initrd" }],
  ["number of CPUs", { vcpus: 2 }],
  ["memory", { memSizeMib: 513 }],
  ["place of the root", { root: "disk" }],
  ["share", { volumes: "9p" }],
  ["absence of a share", { volumes: undefined }],
  ["server", { server: undefined }],
  ["disks", { diskSlots: [{ readOnly: true }] }],
  ["talk", { debug: true }],
  ["card", { card: { backend: "slirp" } }],
])("another %s is another shape", (_, changes) => {
  expect(shapeKey(shape(changes))).not.toBe(shapeKey(shape()));
});

test("so is another kernel, and the order of disks", () => {
  const { kernel } = shape();
  expect(shapeKey(shape({ kernel: { ...kernel, path: "/elsewhere/vmlinux" } }))).not.toBe(shapeKey(shape()));
  const [image, written] = [{ readOnly: true }, { readOnly: false }];
  expect(shapeKey(shape({ diskSlots: [image, written] }))).not.toBe(
    shapeKey(shape({ diskSlots: [written, image] })),
  );
});

test.each(["vmm", "jailer", "server", "vmlinux"])("a %s that is replaced gives another key", (name) => {
  const path = join(folder, name);
  const before = shapeKey(shape());
  utimesSync(path, 0, 0);
  const touched = shapeKey(shape());
  expect(touched).not.toBe(before);
  writeFileSync(`${path}.new`, name);
  utimesSync(`${path}.new`, 0, 0);
  renameSync(`${path}.new`, path);
  const replaced = shapeKey(shape());
  expect(replaced).not.toBe(touched);
  rmSync(path);
  expect(shapeKey(shape())).not.toBe(replaced);
});

test("a prepared image that is marked as used keeps its key, one that is made anew does not", () => {
  const path = join(folder, PREPARED);
  const before = shapeKey(shape());
  utimesSync(path, 0, 0);
  expect(shapeKey(shape())).toBe(before);
  writeFileSync(`${path}.new`, PREPARED);
  renameSync(`${path}.new`, path);
  expect(shapeKey(shape())).not.toBe(before);
});
