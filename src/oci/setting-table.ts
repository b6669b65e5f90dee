import {
  choice,
  count,
  FILE,
  list,
  memory,
  pattern,
  PROGRAM,
  SWITCH,
  type Setting,
} from "./setting-types.ts";

/** Below this a guest kernel with its initramfs does not boot. */
const MIN_MEMORY_MIB = 64;
const MAX_MEMORY_MIB = 1024 * 1024;
/** What our kernel is built for (CONFIG_NR_CPUS); it would leave the others out without a word. */
export const MAX_VCPUS = 32;

/** Holds a row to its type: the default must be a value of it, or undefined. */
function row<Value, const Default extends Value | undefined>(
  setting: Setting<Value, Default>,
): Setting<Value, Default> {
  return setting;
}

/** The settings, one row each. There is no annotation for what takes a fence down, nor for a program of the host. */
export const SETTINGS = {
  mode: row({
    flag: "mode",
    key: "mode",
    annotation: true,
    type: choice("container", "vm"),
    default: "container",
    help: "on the host's kernel or in a VM",
  }),
  vcpus: row({
    flag: "vm-vcpus",
    key: "vm.vcpus",
    annotation: true,
    type: count(1, MAX_VCPUS),
    default: 1,
    defaultWords: "from the CPU limit, else 1",
    help: "virtual CPUs",
  }),
  memSizeMib: row({
    flag: "vm-memory",
    key: "vm.memory",
    annotation: true,
    type: memory(MIN_MEMORY_MIB, MAX_MEMORY_MIB),
    default: 512,
    defaultWords: "from the memory limit, else 512",
    help: "memory, also 512M or 2G",
  }),
  kernel: row({
    flag: "vm-kernel",
    key: "vm.kernel",
    annotation: true,
    type: FILE,
    default: undefined,
    defaultWords: "kernels/default of the guest image",
    help: "guest kernel, vmlinux or bzImage",
  }),
  rootfs: row({
    flag: "vm-rootfs",
    key: "vm.rootfs",
    annotation: true,
    type: FILE,
    default: undefined,
    defaultWords: "rootfs/initramfs.cpio of the guest image",
    help: "guest initramfs",
  }),
  /** `auto` is settled before the VM is made (vm/choose-vmm.ts). */
  vmm: row({
    flag: "vm-vmm",
    key: "vm.vmm",
    annotation: true,
    type: choice("auto", "firecracker", "qemu"),
    default: "auto",
    defaultWords: "auto, Firecracker where it and KVM are usable",
    help: "what runs the VM",
  }),
  jailer: row({
    flag: "vm-jailer",
    key: "vm.jailer",
    annotation: false,
    type: choice("auto", "on", "off"),
    default: "auto",
    defaultWords: "auto, where its jailer is",
    help: "Firecracker in a jail as a user of its own",
  }),
  confine: row({
    flag: "vm-confine",
    key: "vm.confine",
    annotation: false,
    type: choice("on", "off"),
    default: "on",
    help: "QEMU and virtiofsd without the rights of root; off: for debuggers",
  }),
  accel: row({
    flag: "vm-accel",
    key: "vm.accel",
    annotation: true,
    type: choice("auto", "kvm", "tcg"),
    default: "auto",
    help: "hardware or software virtualisation",
  }),
  share: row({
    flag: "vm-share",
    key: "vm.share",
    annotation: true,
    type: choice("auto", "virtiofs", "9p", "9p-vsock", "block"),
    default: "auto",
    defaultWords: "auto, on Firecracker block",
    help: "how the guest sees the container's files",
  }),
  blockFs: row({
    flag: "vm-block-fs",
    key: "vm.blockFs",
    annotation: true,
    type: choice("auto", "ext4", "erofs"),
    default: "auto",
    help: "file system of the disk image of --vm-share=block",
  }),
  sync: row({
    flag: "vm-sync",
    key: "vm.sync",
    annotation: true,
    type: SWITCH,
    default: false,
    help: "copy back what the container changed when it ends, with --vm-share=block",
  }),
  /** `auto` is settled before the VM is made (launch/network-choice.ts). */
  net: row({
    flag: "vm-net",
    key: "vm.net",
    annotation: true,
    type: choice("auto", "none", "tap", "netns", "user"),
    default: "auto",
    defaultWords: "auto, the namespace of config.json, else tap",
    help: "what the VM's network card is connected to",
  }),
  publish: row({
    flag: "vm-publish",
    key: "vm.publish",
    annotation: true,
    type: list("[ADDR:]HOST:CONTAINER[/udp]", /^(?:\S+:)?\d+:\d+(?:\/(?:tcp|udp))?$/, "port"),
    default: [],
    defaultWords: "none",
    help: "a port of the host that leads to one of the container; may be repeated",
  }),
  bridge: row({
    flag: "vm-bridge",
    key: "vm.bridge",
    annotation: false,
    type: pattern(
      "BRIDGE",
      "a name of 1 to 15 characters for a network device",
      /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/,
    ),
    default: "nk0",
    help: "the host's bridge of --vm-net=tap",
  }),
  subnet: row({
    flag: "vm-subnet",
    key: "vm.subnet",
    annotation: false,
    type: pattern("CIDR", "an IPv4 network as 10.87.0.0/16", /^\d{1,3}(?:\.\d{1,3}){3}\/\d{1,2}$/),
    default: "10.87.0.0/16",
    help: "addresses of the bridge and its containers",
  }),
  subnet6: row({
    flag: "vm-subnet6",
    key: "vm.subnet6",
    annotation: false,
    type: pattern(
      "CIDR6",
      'an IPv6 network as fd6e:6b00:0:1::/64, or "none"',
      /^(?:none|[0-9a-fA-F:]+\/\d{1,3})$/,
    ),
    default: "fd6e:6b00:0:1::/64",
    help: "the same of IPv6, or none",
  }),
  start: row({
    flag: "vm-start",
    key: "vm.start",
    annotation: true,
    type: choice("auto", "cold", "pool"),
    default: "auto",
    help: "take a VM that waits (vm-pool), or boot one",
  }),
  endOnDelete: row({
    flag: "vm-end-on-delete",
    key: "vm.endOnDelete",
    annotation: false,
    type: choice("auto", "on", "off"),
    default: "auto",
    defaultWords: "auto, of a run in the foreground",
    help: "delete also ends what runs, with its VM",
  }),
  vmRuntime: row({
    flag: "vm-runtime",
    key: "vm.runtime",
    annotation: true,
    type: choice("crun", "runc"),
    default: "crun",
    help: "runtime inside the VM",
  }),
  hostRuntime: row({
    flag: "host-runtime",
    key: "container.runtime",
    annotation: false,
    type: PROGRAM,
    default: undefined,
    defaultWords: "runc, else crun",
    help: "runtime of container mode: runc, crun or a path",
  }),
};

export type SettingName = keyof typeof SETTINGS;

/** The rows with their names, in order. */
export const SETTING_ROWS = Object.entries(SETTINGS) as [SettingName, Setting][];

/** Is it of no use to a container on the host's kernel? */
export function isForVm({ key }: Setting): boolean {
  return key.startsWith("vm.");
}

/** What holds when nobody says anything, in words; undefined: a switch that is off. */
export function defaultOf({ default: value, defaultWords }: Setting): string | undefined {
  return defaultWords ?? (value === false ? undefined : String(value));
}
