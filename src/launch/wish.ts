import { NkError } from "../base/errors.ts";
import { resolveGuestImage } from "../image/guest-image.ts";
import type { Settings } from "../oci/settings.ts";
import type { VmRecord } from "../state/record.ts";
import { heardSpans, traced } from "../trace/channels.ts";
import type { VmWish } from "../vm/choose-vmm.ts";
import type { Wish } from "../vm/driver.ts";
import type { CardBackend, SettledShape } from "../vm/shape.ts";

/** Who a VM is for. */
export interface VmHome {
  /** Containers come when it runs already: their root file systems can only be in what is shared. */
  takesMany: boolean;
  /** The one container has bind mounts, or its root file system is copied back. */
  needsVolumes: boolean;
  /** The network card that its network needs; undefined: none. */
  card?: CardBackend | undefined;
}

/** What the setting `share` asks for. Beyond this file "block" is a root file system on a disk, and nothing else. */
const FILES: Record<Settings["share"], Pick<Wish, "root" | "volumes">> = {
  auto: { root: "auto", volumes: "auto" },
  virtiofs: { root: "share", volumes: "virtiofs" },
  "9p": { root: "share", volumes: "9p" },
  "9p-vsock": { root: "share", volumes: "9p-vsock" },
  block: { root: "disk", volumes: "auto" },
};

/** What settings ask of a VM. @throws UNSUPPORTED for a disk in a VM that takes many containers */
export function wishOf(settings: Settings, { takesMany, needsVolumes, card }: VmHome): VmWish {
  const { vmm, accel, jailer, confine, vcpus, memSizeMib } = settings;
  const files = FILES[settings.share];
  if (takesMany && files.root === "disk") throw noDisk();
  return {
    vmm,
    accel,
    jailer,
    confine,
    vcpus,
    memSizeMib,
    ...files,
    ...(takesMany && { root: "share" }),
    needsVolumes: takesMany || needsVolumes,
    card,
    debug: heardSpans.hasSubscribers,
    image: () => findImage(settings),
  };
}

/** The word of settings and records for where the files of a VM's containers are. */
export function shareWord({ root, volumes }: SettledShape): VmRecord["share"] {
  return root === "disk" || volumes === undefined ? "block" : volumes;
}

/** Whether others can come into a VM that runs: their files are in what it shares. */
export function takesOthers({ share }: Pick<VmRecord, "share">): boolean {
  return share !== "block";
}

function findImage({ kernel, rootfs, vmRuntime }: Settings) {
  const why = "a kernel and an initramfs that fit each other";
  return traced("cli", "find the guest image", { why }, () =>
    resolveGuestImage({ kernel, rootfs, runtime: vmRuntime }),
  );
}

function noDisk(): NkError {
  return new NkError(
    "UNSUPPORTED",
    "a VM made by hand takes its containers' files from a shared folder: use --vm-share=virtiofs or 9p",
    { phase: "choose the share" },
  );
}
