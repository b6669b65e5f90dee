import { NkError } from "../base/errors.ts";
import type { KernelImage } from "../image/kernel.ts";
import { findDiod } from "../share/diod.ts";
import { closedKvm, kvmVerdict, type KvmVerdict } from "./accel.ts";
import {
  fileIdentity,
  findFirecracker,
  requireFirecracker,
  wantedJailer,
  type FirecrackerBinary,
} from "./firecracker/detect.ts";
import type { JailerWish, VmmName } from "./virtual-machine.ts";

/** What was asked for, by flags, annotations and settings files. */
export interface VmmWish {
  vmm: VmmName | "auto";
  accel: "auto" | "kvm" | "tcg";
  share: string;
  jailer: JailerWish;
  /** Folders of the host must be seen live, bind mounts above all. */
  needsFolders: boolean;
  /** Found only when a guest must be run to know. */
  kernel: () => Promise<KernelImage>;
  /** Where verdicts on KVM are kept; undefined: the usual folder. */
  cacheDir?: string;
}

export interface VmmChoice {
  vmm: VmmName;
  /** One sentence for people. */
  reason: string;
}

/** The reason of the choice of KVM, for people. */
export const ALWAYS_KVM = "Firecracker always uses KVM";

/** What Firecracker has no device for. */
const ONLY_QEMU_SHARES = ["virtiofs"];

/**
 * `auto` is Firecracker where it is installed and a guest runs under it, else QEMU. Without Firecracker that costs a look into PATH; with it a small
 * file is read, or a tiny guest is run once per boot of the host.
 * @throws UNSUPPORTED when Firecracker is demanded together with what it cannot do, or is not there
 */
export async function chooseVmm(wish: VmmWish): Promise<VmmChoice> {
  if (wish.vmm === "qemu") return { vmm: "qemu", reason: "QEMU was asked for" };
  const conflict = conflictOf(wish);
  if (wish.vmm === "firecracker") {
    if (conflict !== undefined) throw refusal(conflict);
    requireFirecracker();
    return { vmm: "firecracker", reason: "Firecracker was asked for" };
  }
  const obstacle = conflict ?? (await obstacleOf(wish));
  if (obstacle !== undefined) return { vmm: "qemu", reason: `QEMU, because ${obstacle}` };
  return { vmm: "firecracker", reason: "Firecracker is installed, and a tiny guest ran under KVM" };
}

function conflictOf({ accel, share }: VmmWish): string | undefined {
  if (accel === "tcg") return "software emulation was asked for, and Firecracker needs KVM";
  if (ONLY_QEMU_SHARES.includes(share)) return `Firecracker has no ${share}`;
  return undefined;
}

async function obstacleOf(wish: VmmWish): Promise<string | undefined> {
  const firecracker = findFirecracker();
  if (firecracker === undefined) return "no firecracker is installed";
  if (wish.needsFolders && findDiod() === null)
    return "bind mounts and shared folders need diod with Firecracker, which is not installed";
  const { usable, reason } = await firecrackerVerdict(firecracker, wish);
  return usable ? undefined : reason;
}

/**
 * Whether this Firecracker can run a guest here: remembered, or tried. With its jail and without are two questions.
 * @throws UNSUPPORTED when a jail is demanded and cannot be had
 */
export async function firecrackerVerdict(
  firecracker: FirecrackerBinary,
  { kernel, cacheDir, jailer: want }: Pick<VmmWish, "kernel" | "cacheDir" | "jailer">,
): Promise<KvmVerdict> {
  const closed = closedKvm();
  if (closed !== undefined) return { usable: false, reason: `Firecracker needs KVM, and ${closed}` };
  const jailer = wantedJailer(firecracker, want);
  const { identity } = firecracker;
  return kvmVerdict({
    vmmName: jailer === undefined ? "firecracker" : "firecracker-jailed",
    vmmIdentity: jailer === undefined ? identity : `${identity} ${fileIdentity(jailer)}`,
    cacheDir,
    tryKvm: async () => {
      const { tryFirecracker } = await import("./firecracker/probe.ts");
      return tryFirecracker(firecracker, want, await kernel());
    },
  });
}

function refusal(conflict: string): NkError {
  const mend = "use --vm-vmm=qemu, or --vm-accel=auto and --vm-share=auto, 9p or block";
  return new NkError("UNSUPPORTED", `Firecracker was asked for, but ${conflict}: ${mend}`, {
    phase: "choose the VMM",
  });
}
