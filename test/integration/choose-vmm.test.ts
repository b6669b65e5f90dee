// Which VMM a VM gets, with the stand-in for Firecracker installed or not.
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { KernelImage } from "../../src/image/kernel.ts";
import { settle, type VmWish } from "../../src/vm/choose-vmm.ts";
import { findFirecracker } from "../../src/vm/firecracker/detect.ts";
import { elf, FAKE_FIRECRACKER, HAS_KVM } from "../fixtures/fake-firecracker.ts";
import { staticProgram } from "../fixtures/static-program.ts";
import { behave } from "./firecracker-driver-rig.ts";

const PATH = process.env["PATH"] ?? "";

const TAKEN = {
  vmm: "firecracker",
  reason: "Firecracker is installed, and a tiny guest ran under KVM",
};

let folder: string;
let cacheDir: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nk-choose-"));
  cacheDir = join(folder, "cache");
  writeFileSync(join(folder, "vmlinux"), elf(1024 * 1024));
  process.env["NK_SHADOW"] ??= resolve("build/bin/nk-shadow");
  process.env["NK_FIRECRACKER"] = FAKE_FIRECRACKER;
  const qemu = join(folder, "qemu=panic");
  symlinkSync(staticProgram("fake-qemu", "fakes"), qemu);
  process.env["NK_QEMU"] = qemu;
  process.env["NK_VIRTIOFSD"] = process.execPath; // looked for, not run
  behave({ fault: "guest-panics" });
});

afterEach(() => {
  process.env["PATH"] = PATH;
  delete process.env["NK_FIRECRACKER"];
  for (const name of ["NK_JAILER", "NK_QEMU", "NK_VIRTIOFSD"]) delete process.env[name];
  rmSync(folder, { recursive: true, force: true });
});

/** What stands for an initramfs is not looked at. */
function imageOf(kernel: Partial<KernelImage> = {}): VmWish["image"] {
  const path = join(folder, "vmlinux");
  const whole = {
    path,
    file: path,
    format: "elf",
    release: "6.1",
    shares: ["9p"],
    lacks: [],
    ...kernel,
  } as const;
  return () => Promise.resolve({ kernel: whole, initrd: path });
}

function wish(changes: Partial<VmWish> = {}): VmWish {
  return {
    vmm: "auto",
    vcpus: 1,
    memSizeMib: 512,
    accel: "auto",
    root: "auto",
    volumes: "auto",
    jailer: "off",
    confine: "on",
    needsVolumes: false,
    debug: false,
    image: imageOf(),
    cacheDir,
    ...changes,
  };
}

/** What it comes to; QEMU is one that says that KVM works. */
async function chosen(changes: Partial<VmWish> = {}): Promise<{ vmm: string; reason: string }> {
  const { shape, reasons } = await settle(wish(changes));
  return { vmm: shape.vmm, reason: reasons.vmm };
}

/** Changes when the verdict was found. */
function makeOlder(byMs: number): void {
  const path = join(cacheDir, "kvm-firecracker.json");
  const verdict = JSON.parse(readFileSync(path, "utf8")) as { atMs: number };
  writeFileSync(path, JSON.stringify({ ...verdict, atMs: verdict.atMs - byMs }));
}

describe("auto", () => {
  test.runIf(HAS_KVM)("is Firecracker once a guest ran under it, which is tried once", async () => {
    expect(await chosen()).toEqual(TAKEN);
    behave({ fault: "exit-before-bind" });
    expect(await chosen()).toEqual(TAKEN);
  });

  test.runIf(HAS_KVM).each([
    ["a guest cannot start", { fault: "start-refused:no-virtualization" }, /did not run/],
    ["its guest ends in another way", { fault: "guest-reboots" }, /did not run/],
    ["it crashes", { fault: "dies:148" }, /did not run/],
    [
      "its API dies of the first request",
      { fault: "guest-panics,api-filtered" },
      /did not run: .*code 148 \(.*filter/,
    ],
    ["it is too old", { version: "1.13.0", fault: "guest-panics" }, /1\.13\.0.*too old/],
  ])("is QEMU where %s, and keeps to it", async (_, behaviour, reason) => {
    behave(behaviour);
    const expected = { vmm: "qemu", reason: expect.stringMatching(reason) };
    expect(await chosen()).toEqual(expected);
    behave({ fault: "guest-panics" });
    expect(await chosen()).toEqual(expected);
  });

  test.runIf(HAS_KVM)(
    "tries it in its jail where a VM will be in one: a program that runs outside of it only is found",
    async () => {
      expect(await chosen()).toEqual(TAKEN);
      const jailer = join(folder, "jailer");
      writeFileSync(jailer, "#!/bin/sh\necho no libraries here >&2\nexit 127\n", { mode: 0o755 });
      process.env["NK_JAILER"] = jailer;
      const reason = expect.stringMatching(/did not run: .*Firecracker exited with code 127\b/);
      expect(await chosen({ jailer: "auto" })).toEqual({ vmm: "qemu", reason });
      expect(await chosen()).toEqual(TAKEN);
    },
  );

  test.runIf(HAS_KVM)("a jail that works is Firecracker's, and leaves nothing", async () => {
    expect(await chosen({ jailer: "on" })).toEqual(TAKEN);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain("nk-fc-");
  });

  test.runIf(HAS_KVM)("tries a Firecracker that was replaced", async () => {
    const path = join(folder, "firecracker");
    writeFileSync(path, readFileSync(FAKE_FIRECRACKER), { mode: 0o755 });
    process.env["NK_FIRECRACKER"] = path;
    behave({ fault: "dies:148" });
    expect(await chosen()).toMatchObject({ vmm: "qemu" });
    utimesSync(path, new Date(), new Date(0));
    behave({ fault: "guest-panics" });
    expect(await chosen()).toEqual(TAKEN);
  });

  test.runIf(HAS_KVM)("is QEMU for an hour where the trial took too long", async () => {
    // Deadlines are scaled when their module is loaded.
    vi.stubEnv("NK_TIMEOUT_SCALE", "0.05");
    vi.resetModules();
    const hasty = await import("../../src/vm/choose-vmm.ts");
    behave({ fault: "" });
    const reason = expect.stringMatching(/^QEMU, because .* did not get through its boot within 10 s$/);
    expect((await hasty.settle(wish())).reasons.vmm).toEqual(reason);
    vi.unstubAllEnvs();
    vi.resetModules(); // what is loaded from here on has its usual deadlines
    behave({ fault: "guest-panics" });
    expect(await chosen()).toMatchObject({ vmm: "qemu" });
    makeOlder(3_600_001);
    expect(await chosen()).toEqual(TAKEN);
  });

  test.runIf(HAS_KVM)(
    "does not keep for long what a kernel has shown that few Firecrackers take",
    async () => {
      behave({ fault: "dies:1" });
      const image = imageOf({ format: "bzImage" });
      appendFileSync(join(folder, "vmlinux"), Buffer.alloc(4096)); // its header is read
      const reason = "QEMU, because a tiny guest under Firecracker did not run: its kernel is a bzImage";
      expect(await chosen({ image })).toEqual({ vmm: "qemu", reason });
      behave({ fault: "guest-panics" });
      expect(await chosen({ image })).toMatchObject({ vmm: "qemu" });
      makeOlder(3_600_001);
      expect(await chosen()).toEqual(TAKEN);
    },
  );

  test.runIf(HAS_KVM)("tries again where what was kept cannot be read", async () => {
    await chosen();
    for (const text of ["", "[]", '{"key":1,"usable":true}']) {
      writeFileSync(join(cacheDir, "kvm-firecracker.json"), text);
      expect(await chosen()).toEqual(TAKEN);
    }
    expect(statSync(join(cacheDir, "kvm-firecracker.json")).mode & 0o777).toBe(0o600);
  });

  test("is QEMU for what Firecracker cannot do, and nothing is tried", async () => {
    expect(await chosen({ accel: "tcg" })).toEqual({
      vmm: "qemu",
      reason: "QEMU, because software emulation was asked for, and Firecracker needs KVM",
    });
    expect(existsSync(cacheDir)).toBe(false);
    expect(await chosen({ root: "share", volumes: "virtiofs" })).toEqual({
      vmm: "qemu",
      reason: "QEMU, because Firecracker has no virtiofs",
    });
    expect(existsSync(join(cacheDir, "kvm-firecracker.json"))).toBe(false);
  });

  test.runIf(HAS_KVM)("is QEMU for a kernel that only Firecracker could not use", async () => {
    const lack = { feature: "vsock", options: ["CONFIG_VIRTIO_VSOCKETS"] } as const;
    const reason = expect.stringMatching(
      /^QEMU, because the guest kernel .* cannot speak vsock .*needed by Firecracker to reach the guest/,
    );
    expect(await chosen({ image: imageOf({ lacks: [lack] }) })).toEqual({ vmm: "qemu", reason });
  });

  test("is refused where NK_FIRECRACKER names no program: that is a mistake, not an absence", async () => {
    process.env["NK_FIRECRACKER"] = "/nowhere/firecracker";
    await expect(chosen()).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });
});

/** Only where the host has none of its own. */
describe.runIf(findFirecracker({ PATH: "" }) === undefined)("without Firecracker", () => {
  beforeEach(() => {
    process.env["NK_FIRECRACKER"] = "";
    process.env["PATH"] = folder;
  });

  test("auto is QEMU", async () => {
    expect(await chosen()).toEqual({
      vmm: "qemu",
      reason: "QEMU, because no firecracker is installed",
    });
  });

  test("it is looked for in PATH, and its links are followed", async () => {
    symlinkSync(FAKE_FIRECRACKER, join(folder, "firecracker"));
    expect(findFirecracker()?.path).toBe(FAKE_FIRECRACKER);
  });

  test("asking for it is refused with the way to get it", async () => {
    await expect(chosen({ vmm: "firecracker" })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringMatching(
        /no firecracker was found in PATH.*: install it.*NK_FIRECRACKER.*--vm-vmm=qemu$/,
      ),
    });
  });
});

describe("what is asked for", () => {
  test("is taken", async () => {
    expect(await chosen({ vmm: "qemu" })).toEqual({ vmm: "qemu", reason: "QEMU was asked for" });
  });

  test.runIf(HAS_KVM)("is taken, and Firecracker is not tried", async () => {
    expect(await chosen({ vmm: "firecracker" })).toEqual({
      vmm: "firecracker",
      reason: "Firecracker was asked for",
    });
    expect(existsSync(cacheDir)).toBe(false);
  });

  test("must fit the guest: its memory, and the share that its kernel can mount", async () => {
    await expect(chosen({ vmm: "qemu", memSizeMib: 20 })).rejects.toMatchObject({
      code: "BAD_CONFIG",
      message: expect.stringMatching(/^expected at least \d+ MiB of memory .*found 20: .*--vm-memory/),
    });
    const lack = { feature: "9p", options: ["CONFIG_9P_FS"] } as const;
    const image = imageOf({ lacks: [lack] });
    await expect(chosen({ vmm: "qemu", root: "share", volumes: "9p", image })).rejects.toMatchObject({
      code: "BAD_CONFIG",
      message: expect.stringContaining("needed by --vm-share=9p") as unknown,
    });
  });

  test.each<[string, Partial<VmWish>, RegExp]>([
    ["software emulation", { accel: "tcg" }, /needs KVM: use --vm-vmm=qemu, or --vm-accel=auto/],
    [
      "virtiofs",
      { root: "share", volumes: "virtiofs" },
      /Firecracker has no virtiofs: use --vm-vmm=qemu, or .*--vm-share=auto, 9p or block/,
    ],
  ])("and cannot be had together with %s is refused", async (_, changes, message) => {
    await expect(chosen({ vmm: "firecracker", ...changes })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringMatching(message),
    });
  });
});
