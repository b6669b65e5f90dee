import type { PlannedDaemon } from "../host/shadow-plan.ts";
import type { GuestImage } from "../image/guest-image.ts";
import type { FeatureName } from "../image/kernel-features.ts";
import type { NkError } from "../base/errors.ts";
import type { ShareKind } from "../share/share.ts";
import type { CardBackend, SettledShape } from "./shape.ts";
import type { VirtualMachine, VmSpec } from "./virtual-machine.ts";
import type { VmmDoctor } from "./vmm-doctor.ts";

/**
 * What answers for one VMM: nothing above src/vm knows a VMM by its name. `auto` asks the drivers one after the other (choose-vmm.ts).
 *
 * - `settle` is the one place where the VMM's limits are known. It makes a shape of a wish: `auto` becomes what fits this VMM and this host, and all that
 *   the shape names (programs, servers, devices) has been found by then. It starts nothing that outlives it; a tiny guest may be run once for each boot
 *   of the host to know whether KVM works. What this VMM cannot do, or this host lacks for it, is a refusal, after which another driver can be asked. It
 *   throws for a mistake that no other driver should cover up: a program or an image that is named and is none, a jail that is demanded and cannot be had.
 * - `kernelNeeds` are the features of the guest's kernel that a VM of this shape uses, each with what asks for it; whoever settles checks them.
 * - `daemons` says which of a VM's processes can be started before its monitor is there, and how; a driver that leaves it out starts all of them itself.
 *   They are given to `create` as `spec.started`.
 * - `create` makes a VM of a settled shape. It decides nothing more.
 */
export interface VmDriver {
  readonly name: VmmName;
  /** As people write it. */
  readonly title: string;
  /** The kinds of share whose transport it has. */
  readonly shares: readonly ShareKind[];
  settle(wish: Wish): Promise<Settlement>;
  /** Whether a card that changes nothing on the host ("user") can be had here; a driver that leaves it out has none. */
  hasUserCard?(): Promise<boolean>;
  kernelNeeds(shape: SettledShape): ReadonlyMap<FeatureName, string>;
  /** @throws HOST */
  daemons?(spec: EarlySpec): Promise<PlannedDaemon[]>;
  /** @throws UNSUPPORTED, BAD_CONFIG, EXISTS, before anything outlives this process (virtual-machine.ts) */
  create(spec: VmSpec): Promise<VirtualMachine>;
  /** What `nk-runtime doctor` asks; loaded for it alone. */
  doctor(): Promise<VmmDoctor>;
}

/** What is known of a VM before its monitor and the holder of its tree are there. */
export type EarlySpec = Pick<VmSpec, "id" | "stateDir" | "shape" | "extraCmdline">;

export type VmmName = "firecracker" | "qemu";

export type JailerWish = "auto" | "on" | "off";

/** What is asked of a VM, before a driver has said what it makes of it. `auto` is the driver's choice. */
export interface Wish {
  /** This driver was asked for by name, and need not prove by a tiny guest that it is a good choice. */
  isNamed: boolean;
  vcpus: number;
  memSizeMib: number;
  accel: "auto" | "kvm" | "tcg";
  /** Whether the VMM is put into a jail of its own program, where it has one. */
  jailer: JailerWish;
  /** `off`: what `Shape.isUnlocked` says. */
  confine: "on" | "off";
  root: "auto" | "share" | "disk";
  volumes: "auto" | ShareKind;
  /** Folders of the host must be seen live, also beside a root file system that is on a disk. */
  needsVolumes: boolean;
  /** The network card that it is to have; undefined: none. */
  card?: CardBackend | undefined;
  debug: boolean;
  /** Kernel and initramfs, which are looked for when they are needed. */
  image: () => Promise<GuestImage>;
  /** Where verdicts on KVM are kept; undefined: the usual folder. */
  cacheDir?: string;
}

/** A shape, and for people why it is that. It is plain data, as JSON is. */
export interface Settled {
  shape: SettledShape;
  reasons: Reasons;
  /** What the user should know beforehand, since `auto` is something else on other hosts. */
  notice?: string;
}

/** One short sentence for each choice; undefined: it was asked for. */
export interface Reasons {
  vmm: string;
  accel: string;
  root?: string;
  volumes?: string;
}

export interface Refusal {
  /** Follows "because": "no firecracker is installed". */
  refused: string;
  /** What is thrown where nothing else will do, with the way out. */
  error: NkError;
}

export type Settlement = Settled | Refusal;

/** The feature that a shape's share needs, for `kernelNeeds`. */
export function volumesNeed({ root, volumes }: SettledShape): Map<FeatureName, string> {
  if (volumes === undefined) return new Map();
  const reason = root === "disk" ? "bind mounts or --vm-sync, beside a disk" : `--vm-share=${volumes}`;
  return new Map([[volumes, reason]]);
}
