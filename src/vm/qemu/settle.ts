import { asNkError, NkError } from "../../base/errors.ts";
import type { KernelImage } from "../../image/kernel.ts";
import { CHOOSE_SHARE, type ShareKind } from "../../share/share.ts";
import { decideAccel, type Accel } from "../accel.ts";
import type { Reasons, Settled, Settlement, Wish } from "../driver.ts";
import { volumesFor, type Volumes } from "../volumes.ts";
import { tapCard } from "./card.ts";
import { autoShare, chooseVolumes } from "./choose-share.ts";
import { findQemu, type QemuBinary } from "./detect.ts";
import { userCard } from "./user-card.ts";

/** Best first. */
export const SHARES: readonly ShareKind[] = ["virtiofs", "9p", "9p-vsock"];

/**
 * `VmDriver.settle`. A root file system is shared, so that what a container writes is on the host at once. Where there is no share to be had it is
 * on a disk, as long as nothing has to be seen live.
 */
export async function settle(wish: Wish): Promise<Settlement> {
  try {
    return await settled(wish);
  } catch (error) {
    const refusal = asNkError(error);
    if (refusal.code !== "UNSUPPORTED") throw error;
    return { refused: refusal.message, error: refusal };
  }
}

async function settled(wish: Wish): Promise<Settled> {
  const qemu = findQemu();
  const { kernel, initrd } = await wish.image();
  const { root, volumes, server, reasons, notice } = files(wish, kernel);
  const { accel, reason } = await accelFor(qemu, wish.accel, kernel, wish.cacheDir);
  const { vcpus, memSizeMib, debug } = wish;
  const card = wish.card === "user" ? await userCard(qemu.path) : wish.card && tapCard(vcpus);
  const vm = { vmm: "qemu", program: qemu.path, accel, kernel, initrd, vcpus, memSizeMib } as const;
  return {
    shape: {
      ...vm,
      root,
      ...(volumes && { volumes }),
      ...(server !== undefined && { server }),
      ...(card && { card }),
      ...(wish.confine === "off" && { isUnlocked: true }),
      debug,
    },
    reasons: { vmm: "QEMU runs everywhere", accel: reason, ...reasons },
    ...(notice !== undefined && { notice }),
  };
}

interface Files extends Volumes {
  root: "share" | "disk";
  reasons: Pick<Reasons, "root" | "volumes">;
  notice?: string;
}

function files({ root: want, volumes, needsVolumes }: Wish, { shares }: KernelImage): Files {
  if (want === "auto" && autoShare(shares) === undefined) return onDisk(needsVolumes);
  const root = want === "auto" ? "share" : want;
  if (root === "disk" && !needsVolumes) return { root, reasons: {} };
  const served = volumesFor(root, () => chooseVolumes(volumes, shares));
  return {
    root,
    ...served,
    reasons: {
      ...(want === "auto" && {
        root: "the root file system is the host's: what is written is there at once",
      }),
      ...(volumes === "auto" && {
        volumes: `${served.volumes}: ${served.server === undefined ? BARE : SERVED}`,
      }),
    },
  };
}

/** Why `auto` is that (docs/decisions/0003-share-choice.md). */
const SERVED = "sockets, fifos and devices work on it";
const BARE = "it needs nothing but QEMU";

/** It is not what `auto` is on other hosts: what the container writes is not on this one. @throws UNSUPPORTED when it does not do */
function onDisk(needsVolumes: boolean): Files {
  const reason = "this host has no virtiofsd, and the guest's kernel no 9p";
  if (!needsVolumes) {
    const notice = `${reason}: the root file system is a disk, and what the container writes goes with it`;
    return { root: "disk", reasons: { root: `the root file system is a disk: ${reason}` }, notice };
  }
  throw new NkError(
    "UNSUPPORTED",
    `bind mounts of config.json and --vm-sync need a share, but ${reason}: install virtiofsd ` +
      "(Debian 12: qemu-system-common; later and elsewhere: virtiofsd), or make a kernel that has 9p (scripts/build-kernel.sh)",
    { phase: CHOOSE_SHARE },
  );
}

/**
 * How a VM would be run on this host. The first call may run a tiny guest for up to 10 s; later ones read a small file.
 * @throws UNSUPPORTED when there is no QEMU, or KVM is demanded and unusable.
 */
export function resolveAccel(want: Wish["accel"], kernel: KernelImage, cacheDir?: string): Promise<Accel> {
  return accelFor(findQemu(), want, kernel, cacheDir);
}

function accelFor(
  qemu: QemuBinary,
  want: Wish["accel"],
  kernel: KernelImage,
  cacheDir: string | undefined,
): Promise<Accel> {
  return decideAccel({
    want,
    vmmName: "qemu",
    vmmIdentity: qemu.identity,
    cacheDir,
    tryKvm: async () => (await import("./probe.ts")).tryKvm(qemu.path, kernel),
  });
}
