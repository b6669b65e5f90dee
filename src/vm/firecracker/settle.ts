import { asNkError, NkError } from "../../base/errors.ts";
import { requireDiod } from "../../share/diod.ts";
import type { ShareKind } from "../../share/share.ts";
import { closedKvm, kvmVerdict, type KvmVerdict } from "../accel.ts";
import type { Refusal, Settlement, Wish } from "../driver.ts";
import { volumesFor, type Volumes } from "../volumes.ts";
import { CARD } from "./card.ts";
import { fileIdentity, findFirecracker, notFound, wantedJailer, type FirecrackerBinary } from "./detect.ts";
import { needsKvm } from "./needs-kvm.ts";

/** It has no device for a shared folder; over its vsock a guest reaches one. */
export const SHARES: readonly ShareKind[] = ["9p-vsock"];

/**
 * `VmDriver.settle`. A root file system is on a disk unless a share is asked for. 9p is taken for 9p-vsock, which is the same to whoever looks at
 * files; virtiofs is refused, because sockets, fifos and devices on it are the reason to ask for it.
 */
export async function settle(wish: Wish): Promise<Settlement> {
  const conflict = conflictOf(wish);
  if (conflict !== undefined) return refusal(...conflict);
  const found = findFirecracker();
  if (found === undefined) return { refused: "no firecracker is installed", error: notFound() };
  const root = wish.root === "auto" ? "disk" : wish.root;
  const needsVolumes = wish.needsVolumes || root === "share";
  const served = needsVolumes ? diodFor(root) : {};
  if ("refused" in served) return served;
  const obstacle = await kvmObstacle(found, wish);
  if (obstacle !== undefined) return obstacle;
  const { vcpus, memSizeMib, debug } = wish;
  const { kernel, initrd } = await wish.image();
  const vm = { vmm: "firecracker", program: found.path, jailer: wantedJailer(found, wish.jailer) } as const;
  return {
    shape: {
      ...vm,
      accel: "kvm",
      kernel,
      initrd,
      vcpus,
      memSizeMib,
      root,
      ...served,
      ...(wish.card && { card: CARD }),
      debug,
    },
    reasons: {
      vmm: "Firecracker is installed, and a tiny guest ran under KVM",
      accel: "Firecracker always uses KVM",
      ...(wish.root === "auto" && { root: `the root file system is a disk: ${NO_DEVICE}` }),
      ...(needsVolumes && wish.volumes !== "9p-vsock" && { volumes: `9p-vsock: ${NO_DEVICE}` }),
    },
  };
}

const NO_DEVICE = "Firecracker has no device for a shared folder";

/** What no Firecracker can do, and what to ask for instead. */
function conflictOf({ accel, volumes, card }: Wish): [conflict: string, mend: string] | undefined {
  if (accel === "tcg")
    return ["software emulation was asked for, and Firecracker needs KVM", "--vm-accel=auto"];
  if (volumes === "virtiofs") return ["Firecracker has no virtiofs", "--vm-share=auto, 9p or block"];
  if (card === "user") return ["Firecracker has no network in a program", "--vm-net=tap"];
  return undefined;
}

function refusal(conflict: string, mend: string): Refusal {
  const message = `Firecracker was asked for, but ${conflict}: use --vm-vmm=qemu, or ${mend}`;
  return { refused: conflict, error: new NkError("UNSUPPORTED", message, { phase: "choose the VMM" }) };
}

function diodFor(root: "share" | "disk"): Volumes | Refusal {
  try {
    return volumesFor(root, () => ({ volumes: "9p-vsock", server: requireDiod() }));
  } catch (error) {
    const refused = "bind mounts and shared folders need diod with Firecracker, which is not installed";
    return { refused, error: asNkError(error) };
  }
}

/** Whoever asks for it by name has its errors at the first boot; `auto` takes what is proved. */
async function kvmObstacle(found: FirecrackerBinary, wish: Wish): Promise<Refusal | undefined> {
  const closed = closedKvm();
  if (closed !== undefined)
    return { refused: `Firecracker needs KVM, and ${closed}`, error: needsKvm(closed) };
  if (wish.isNamed) return undefined;
  const { usable, reason } = await firecrackerVerdict(found, wish);
  return usable ? undefined : refusal(reason, "--vm-accel=auto");
}

/**
 * Whether this Firecracker can run a guest here: remembered, or tried. With its jail and without are two questions.
 * @throws UNSUPPORTED when a jail is demanded and cannot be had
 */
export async function firecrackerVerdict(
  firecracker: FirecrackerBinary,
  { image, cacheDir, jailer: want }: Pick<Wish, "image" | "cacheDir" | "jailer">,
): Promise<KvmVerdict> {
  const jailer = wantedJailer(firecracker, want);
  const { identity, path } = firecracker;
  return kvmVerdict({
    vmmName: jailer === undefined ? "firecracker" : "firecracker-jailed",
    vmmIdentity: jailer === undefined ? identity : `${identity} ${fileIdentity(jailer)}`,
    cacheDir,
    tryKvm: async () => {
      const { tryFirecracker } = await import("./probe.ts");
      return tryFirecracker({ program: path, jailer }, (await image()).kernel);
    },
  });
}
