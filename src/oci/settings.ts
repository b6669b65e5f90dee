/**
 * What decides how a container is run, after flags, annotations, settings files and defaults have been merged
 * (in that precedence).
 */
export interface Settings {
  mode: "container" | "vm";
  vcpus: number;
  memSizeMib: number;
  /** Path of a kernel; undefined: the installed guest image's. */
  kernel: string | undefined;
  /** Path of an initramfs; undefined: the installed guest image's. */
  rootfs: string | undefined;
  /** What runs the VM. `auto` is settled before the VM is made (vm/choose-vmm.ts). */
  vmm: "auto" | "firecracker" | "qemu";
  /** Firecracker in a jail, as a user of its own. `auto`: where we are root and its jailer is installed. */
  jailer: "auto" | "on" | "off";
  accel: "auto" | "kvm" | "tcg";
  share: "auto" | "virtiofs" | "9p" | "9p-vsock" | "block";
  /** File system of the disk image, with `share: "block"`. */
  blockFs: "auto" | "ext4" | "erofs";
  /** What the container changed is copied back to the bundle's root file system when it ends, with `share: "block"`. */
  sync: boolean;
  /** Runtime inside the VM. */
  vmRuntime: "crun" | "runc";
  /** Path or name of the runtime for container mode; undefined: probe. */
  hostRuntime: string | undefined;
}

/** Settings of one source: what it does not say is left to the next. */
export type PartialSettings = Partial<Settings>;

/** Settings and where they were found, as messages name it: "--vm-memory", "annotation org.…". */
export interface SourcedSettings {
  source: string;
  settings: PartialSettings;
}

export const DEFAULT_SETTINGS: Settings = {
  mode: "container",
  vcpus: 1,
  memSizeMib: 512,
  kernel: undefined,
  rootfs: undefined,
  vmm: "auto",
  jailer: "auto",
  accel: "auto",
  share: "auto",
  blockFs: "auto",
  sync: false,
  vmRuntime: "crun",
  hostRuntime: undefined,
};
