import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BUILTIN_TEXT, craftElf } from "../image/testing/kernels.ts";
import { DEFAULT_SETTINGS } from "../oci/settings.ts";
import { warnings } from "../trace/channels.ts";
import { settleVm } from "./settle-vm.ts";

let folder: string;
let heard: unknown[];
const hear = (message: unknown): void => void heard.push(message);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nk-settle-"));
  vi.stubEnv("NK_QEMU", process.execPath);
  heard = [];
  warnings.subscribe(hear);
});
afterEach(() => {
  warnings.unsubscribe(hear);
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

test.each([
  ["on", []],
  ["off", [expect.stringContaining("--vm-confine=off")]],
] as const)("QEMU with --vm-confine=%s is warned of when its fence is down", async (confine, warned) => {
  const [kernel, rootfs] = [join(folder, "vmlinux"), join(folder, "initramfs")];
  writeFileSync(kernel, craftElf({ text: BUILTIN_TEXT }));
  writeFileSync(rootfs, "070701");
  const files = { kernel, rootfs, share: "9p" } as const;
  const settings = { ...DEFAULT_SETTINGS, ...files, vmm: "qemu", accel: "tcg", confine } as const;
  const { shape } = await settleVm(settings, { takesMany: false, needsVolumes: false });
  expect(shape.vmm).toBe("qemu");
  expect(heard).toEqual(warned);
});
