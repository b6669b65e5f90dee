import { NkError } from "../base/errors.ts";
import { kindOf } from "../base/json.ts";
import type { PartialSettings, SourcedSettings } from "./settings.ts";

/** Below this a guest kernel with its initramfs does not boot. */
const MIN_MEMORY_MIB = 64;
const MAX_MEMORY_MIB = 1024 * 1024;
/** What our kernel is built for (CONFIG_NR_CPUS); it would leave the others out without a word. */
export const MAX_VCPUS = 32;

const CHOICES = {
  mode: ["container", "vm"],
  vmm: ["auto", "firecracker", "qemu"],
  jailer: ["auto", "on", "off"],
  accel: ["auto", "kvm", "tcg"],
  share: ["auto", "virtiofs", "9p", "9p-vsock", "block"],
  blockFs: ["auto", "ext4", "erofs"],
  vmRuntime: ["crun", "runc"],
} as const;

type ChoiceName = keyof typeof CHOICES;

/** The settings that flags, annotations and settings files can give, each from text or JSON. */
export type SettingName = ChoiceName | "vcpus" | "memSizeMib" | "kernel" | "rootfs" | "sync" | "hostRuntime";

/**
 * One setting, checked.
 * @param source names where the value was found, for the message: "--vm-memory", "annotation org.…", "vm.memory in /etc/…".
 */
export function readSetting(name: SettingName, value: unknown, source: string): PartialSettings {
  return READERS[name](value, source);
}

/** One setting, checked, with its source. @throws as `readSetting` */
export function sourcedSetting(name: SettingName, value: unknown, source: string): SourcedSettings {
  return { source, settings: readSetting(name, value, source) };
}

const READERS: Record<SettingName, (value: unknown, source: string) => PartialSettings> = {
  mode: (value, source) => readChoice("mode", value, source),
  vcpus: (value, source) => ({ vcpus: readCount(value, source, 1, MAX_VCPUS) }),
  memSizeMib: (value, source) => ({ memSizeMib: readMemory(value, source) }),
  kernel: (value, source) => ({ kernel: readPath(value, source) }),
  rootfs: (value, source) => ({ rootfs: readPath(value, source) }),
  vmm: (value, source) => readChoice("vmm", value, source),
  jailer: (value, source) => readChoice("jailer", value, source),
  accel: (value, source) => readChoice("accel", value, source),
  share: (value, source) => readChoice("share", value, source),
  blockFs: (value, source) => readChoice("blockFs", value, source),
  sync: (value, source) => ({ sync: readSwitch(value, source) }),
  vmRuntime: (value, source) => readChoice("vmRuntime", value, source),
  hostRuntime: (value, source) => ({ hostRuntime: readText(value, source) }),
};

/** The words that a setting takes, for help texts. */
export function choicesOf(name: ChoiceName): readonly string[] {
  return CHOICES[name];
}

function readChoice(name: ChoiceName, value: unknown, source: string): PartialSettings {
  const choices: readonly unknown[] = CHOICES[name];
  if (choices.includes(value)) return { [name]: value };
  throw bad(source, choices.join(" or "), value);
}

function readSwitch(value: unknown, source: string): boolean {
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  throw bad(source, "true or false", value);
}

function readCount(value: unknown, source: string, min: number, max: number): number {
  const count = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof count === "number" && Number.isInteger(count) && count >= min && count <= max) return count;
  throw bad(source, `a whole number from ${min} to ${max}`, value);
}

const UNIT_MIB: Record<string, number> = { "": 1, M: 1, G: 1024 };

/** "1024", 1024 (MiB), "512M", "512MiB", "2G". */
function readMemory(value: unknown, source: string): number {
  const match = /^(\d{1,7})\s*([MG]?)(?:i?B)?$/i.exec(String(value));
  const mib = match ? Number(match[1]) * (UNIT_MIB[(match[2] ?? "").toUpperCase()] ?? 1) : Number.NaN;
  if (mib >= MIN_MEMORY_MIB && mib <= MAX_MEMORY_MIB) return mib;
  throw bad(source, `a number of MiB from ${MIN_MEMORY_MIB} to ${MAX_MEMORY_MIB} (or 512M, 2G)`, value);
}

/** An absolute path: commands of one container may run in different folders. */
function readPath(value: unknown, source: string): string {
  const path = readText(value, source);
  if (path.startsWith("/")) return path;
  throw bad(source, "an absolute path", value);
}

function readText(value: unknown, source: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw bad(source, "a text", value);
}

function bad(source: string, expected: string, value: unknown): NkError {
  const found = typeof value === "object" || value === undefined ? kindOf(value) : JSON.stringify(value);
  return new NkError("BAD_CONFIG", `${source}: expected ${expected}, found ${found}`);
}
