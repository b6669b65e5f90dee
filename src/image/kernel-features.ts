import type { KernelConfig } from "./kernel-config.ts";
import { hasModule } from "./modules.ts";
import type { ModuleTree } from "./modules.ts";

/** Something that a guest's kernel may be able to do, and by what one can tell. */
interface Feature {
  /** Follows "it cannot". */
  what: string;
  /** Options that must all be set: as `y`, or as `m` with the modules there. */
  options: readonly string[];
  /** Modules that bring it, all needed. None: it cannot be a module. */
  modules?: readonly string[];
  /** A string that stands in a vmlinux which has the driver built in. */
  word?: string;
}

const FEATURES = {
  initrd: { what: "unpack an initramfs", options: ["CONFIG_BLK_DEV_INITRD"] },
  acpi: { what: "find the devices of a microvm", options: ["CONFIG_ACPI"] },
  "virtio-mmio": {
    what: "drive virtio devices",
    options: ["CONFIG_VIRTIO_MMIO"],
    modules: ["virtio_mmio"],
    word: "virtio-mmio",
  },
  "virtio-console": {
    what: "open the agent's port",
    options: ["CONFIG_VIRTIO_CONSOLE"],
    modules: ["virtio_console"],
    word: "virtio_console",
  },
  proc: { what: "mount proc", options: ["CONFIG_PROC_FS"] },
  sysfs: { what: "mount sysfs", options: ["CONFIG_SYSFS"] },
  devpts: { what: "make terminals", options: ["CONFIG_UNIX98_PTYS"] },
  devtmpfs: { what: "make device files", options: ["CONFIG_DEVTMPFS"] },
  tmpfs: { what: "mount tmpfs", options: ["CONFIG_TMPFS"] },
  cgroups: { what: "group processes", options: ["CONFIG_CGROUPS"] },
  virtiofs: {
    what: "mount the share virtiofs",
    options: ["CONFIG_VIRTIO_FS"],
    modules: ["virtiofs"],
    word: "virtiofs",
  },
  "9p": {
    what: "mount the share 9p",
    options: ["CONFIG_NET_9P_VIRTIO", "CONFIG_9P_FS"],
    modules: ["9pnet_virtio", "9p"],
    word: "9pnet_virtio",
  },
  "9p-vsock": {
    what: "mount the share 9p-vsock",
    options: ["CONFIG_VIRTIO_VSOCKETS", "CONFIG_NET_9P_FD", "CONFIG_9P_FS"],
    modules: ["vmw_vsock_virtio_transport", "9pnet_fd", "9p"],
    word: "rfdno=",
  },
  "virtio-blk": {
    what: "read virtio disks",
    options: ["CONFIG_VIRTIO_BLK"],
    modules: ["virtio_blk"],
    word: "virtio_blk",
  },
  ext4: { what: "mount ext4", options: ["CONFIG_EXT4_FS"], modules: ["ext4"], word: "ext4" },
  erofs: { what: "mount erofs", options: ["CONFIG_EROFS_FS"], modules: ["erofs"], word: "erofs" },
  overlay: { what: "mount overlay", options: ["CONFIG_OVERLAY_FS"], modules: ["overlay"], word: "overlay" },
  vsock: {
    what: "speak vsock",
    options: ["CONFIG_VIRTIO_VSOCKETS"],
    modules: ["vmw_vsock_virtio_transport"],
    word: "vmw_vsock_virtio_transport",
  },
  seccomp: { what: "filter system calls", options: ["CONFIG_SECCOMP_FILTER"] },
  "mount-ns": { what: "make mount namespaces", options: ["CONFIG_NAMESPACES"] },
  "uts-ns": { what: "make uts namespaces", options: ["CONFIG_UTS_NS"] },
  "ipc-ns": { what: "make ipc namespaces", options: ["CONFIG_IPC_NS"] },
  "pid-ns": { what: "make pid namespaces", options: ["CONFIG_PID_NS"] },
  "network-ns": { what: "make network namespaces", options: ["CONFIG_NET_NS"] },
  "user-ns": { what: "make user namespaces", options: ["CONFIG_USER_NS"] },
  "time-ns": { what: "make time namespaces", options: ["CONFIG_TIME_NS"] },
  memory: { what: "limit memory", options: ["CONFIG_MEMCG"] },
  "cpu-weight": { what: "share CPU time by weight", options: ["CONFIG_FAIR_GROUP_SCHED"] },
  "cpu-quota": { what: "limit CPU time", options: ["CONFIG_CFS_BANDWIDTH"] },
  pids: { what: "limit the number of processes", options: ["CONFIG_CGROUP_PIDS"] },
  devices: { what: "restrict devices", options: ["CONFIG_CGROUP_BPF"] },
  net: {
    what: "drive a network card",
    options: ["CONFIG_VIRTIO_NET", "CONFIG_INET"],
    modules: ["virtio_net"],
    word: "virtio_net",
  },
  macvlan: {
    what: "have more than one network interface",
    options: ["CONFIG_MACVLAN"],
    modules: ["macvlan"],
    word: "macvlan",
  },
  veth: {
    what: "connect containers inside of a container",
    options: ["CONFIG_VETH", "CONFIG_BRIDGE"],
    modules: ["veth", "bridge"],
    word: "veth%%d",
  },
  nftables: {
    what: "filter and translate their packets",
    options: ["CONFIG_NF_TABLES", "CONFIG_NFT_NAT", "CONFIG_NFT_MASQ", "CONFIG_NFT_CT"],
    modules: ["nf_tables", "nft_chain_nat", "nft_nat", "nft_masq", "nft_ct"],
    word: "nf_tables",
  },
  mqueue: { what: "mount mqueue", options: ["CONFIG_POSIX_MQUEUE"] },
} as const satisfies Record<string, Feature>;

export type FeatureName = keyof typeof FEATURES;

/** Without these no guest of ours comes up, whatever runs in it. */
export const REQUIRED_FEATURES: readonly FeatureName[] = [
  "initrd",
  "acpi",
  "virtio-mmio",
  "virtio-console",
  "proc",
  "sysfs",
  "devtmpfs",
  "devpts",
  "tmpfs",
  "cgroups",
];

/** All of them, in the order of the table. */
export const FEATURE_NAMES = Object.keys(FEATURES) as FeatureName[];

/** What is searched for in a vmlinux. */
export const FEATURE_WORDS: readonly string[] = FEATURE_NAMES.map(wordOf).filter(
  (word) => word !== undefined,
);

/** What can be told about a kernel without starting it. */
export interface KernelFacts {
  config: KernelConfig | undefined;
  modules: ModuleTree | undefined;
  /** Those of FEATURE_WORDS that its vmlinux has; undefined: not searched. */
  words: ReadonlySet<string> | undefined;
}

/** A feature that a kernel is known to lack, and why. */
export interface Lack {
  feature: FeatureName;
  /** The CONFIG options that would bring it. */
  options: readonly string[];
  /** The kernel has it as a module, but the module is not there. */
  onlyModuleMissing?: true;
}

/** What the kernel is known to lack. What cannot be known is not in it. */
export function lacksOf(facts: KernelFacts): Lack[] {
  return FEATURE_NAMES.map((name) => lackOf(name, facts)).filter((lack) => lack !== undefined);
}

function lackOf(feature: FeatureName, { config, modules, words }: KernelFacts): Lack | undefined {
  const { options, modules: needed }: Feature = FEATURES[feature];
  const loadable =
    needed !== undefined && modules !== undefined && needed.every((name) => hasModule(modules, name));
  if (loadable) return undefined;
  if (config !== undefined) {
    const missing = options.filter((option) => config.get(option) === undefined);
    if (missing.length > 0) return { feature, options: missing };
    const asModule = options.filter((option) => config.get(option) === "m");
    return asModule.length > 0 ? { feature, options: asModule, onlyModuleMissing: true } : undefined;
  }
  const word = wordOf(feature);
  if (word === undefined || words?.has(word) === true) return undefined;
  // modules.builtin names what is built in; without modules, the vmlinux does.
  return modules !== undefined || words !== undefined ? { feature, options } : undefined;
}

function wordOf(feature: FeatureName): string | undefined {
  const { word }: Feature = FEATURES[feature];
  return word;
}

/** "cannot mount erofs (CONFIG_EROFS_FS)" */
export function describeLack({ feature, options, onlyModuleMissing }: Lack): string {
  const how = onlyModuleMissing ? `${options.join(", ")}=m, and the module is not there` : options.join(", ");
  return `cannot ${FEATURES[feature].what} (${how})`;
}
