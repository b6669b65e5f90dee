import { resolve } from "node:path";
import { choicesOf, sourcedSetting } from "../oci/setting-values.ts";
import type { SettingName } from "../oci/setting-values.ts";
import type { SourcedSettings } from "../oci/settings.ts";
import type { Flags, OptionSpec } from "./options.ts";

/** Flags that give settings. */
const SETTING_FLAGS: Record<string, SettingName> = {
  mode: "mode",
  "vm-vcpus": "vcpus",
  "vm-memory": "memSizeMib",
  "vm-kernel": "kernel",
  "vm-rootfs": "rootfs",
  "vm-vmm": "vmm",
  "vm-jailer": "jailer",
  "vm-accel": "accel",
  "vm-share": "share",
  "vm-block-fs": "blockFs",
  "vm-sync": "sync",
  "vm-runtime": "vmRuntime",
  "host-runtime": "hostRuntime",
};

const words = (name: Parameters<typeof choicesOf>[0]): string => choicesOf(name).join("|");

/** How a VM is made. */
export const VM_OPTIONS: readonly OptionSpec[] = [
  { name: "vm-vcpus", type: "text", value: "N", help: "virtual CPUs (default: from the CPU limit, else 1)" },
  {
    name: "vm-memory",
    type: "text",
    value: "MIB",
    help: "memory, also 512M or 2G (default: from the memory limit, else 512)",
  },
  {
    name: "vm-kernel",
    type: "text",
    value: "FILE",
    help: "guest kernel, vmlinux or bzImage (default: the installed one)",
  },
  { name: "vm-rootfs", type: "text", value: "FILE", help: "guest initramfs (default: the installed one)" },
  {
    name: "vm-vmm",
    type: "text",
    value: words("vmm"),
    help: "what runs the VM (default: auto, Firecracker where it and KVM are usable)",
  },
  {
    name: "vm-jailer",
    type: "text",
    value: words("jailer"),
    help: "Firecracker in a jail as a user of its own (default: auto, where its jailer is)",
  },
  {
    name: "vm-accel",
    type: "text",
    value: words("accel"),
    help: "hardware or software virtualisation (default: auto)",
  },
  {
    name: "vm-share",
    type: "text",
    value: words("share"),
    help: "how the guest sees the container's files (default: auto, on Firecracker block)",
  },
  {
    name: "vm-block-fs",
    type: "text",
    value: words("blockFs"),
    help: "file system of the disk image of --vm-share=block (default: auto)",
  },
  {
    name: "vm-sync",
    type: "switch",
    help: "copy back what the container changed when it ends, with --vm-share=block",
  },
  {
    name: "vm-runtime",
    type: "text",
    value: words("vmRuntime"),
    help: "runtime inside the VM (default: crun)",
  },
];

/** The options that give settings. */
export const SETTING_OPTIONS: readonly OptionSpec[] = [
  {
    name: "mode",
    type: "text",
    value: words("mode"),
    help: "on the host's kernel or in a VM (default: container)",
  },
  ...VM_OPTIONS,
  {
    name: "host-runtime",
    type: "text",
    value: "NAME",
    help: "runtime of container mode: runc, crun or a path (default: runc, else crun)",
  },
];

export const BUNDLE: OptionSpec = {
  name: "bundle",
  short: "b",
  type: "text",
  value: "DIR",
  help: "folder with config.json (default: the current one)",
};

/** @throws BAD_CONFIG with the flag and what it takes. */
export function settingsFromFlags(flags: Flags): SourcedSettings[] {
  return Object.entries(SETTING_FLAGS)
    .filter(([flag]) => flags.has(flag))
    .map(([flag, setting]) => {
      const text = flags.text(flag) ?? "";
      const isFile = setting === "kernel" || setting === "rootfs";
      return sourcedSetting(setting, isFile && text !== "" ? resolve(text) : text, `--${flag}`);
    });
}
