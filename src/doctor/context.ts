import { resolveGuestImage, type GuestImage } from "../image/guest-image.ts";
import type { FeatureName } from "../image/kernel-features.ts";
import type { KernelImage } from "../image/kernel.ts";
import { kernelNeeds } from "../vm/kernel-needs.ts";
import { guestConfig } from "../oci/guest-config.ts";
import { bindMounts, GUEST_SHARE, planMounts } from "../oci/guest-mounts.ts";
import { needsSharedFolders, settledShare } from "../launch/settle-vmm.ts";
import type { Settings } from "../oci/settings.ts";
import { chooseVmm, type VmmChoice } from "../vm/choose-vmm.ts";
import type { VmmName } from "../vm/virtual-machine.ts";

/** What the checks are about. */
export interface Context {
  /** Folder of the containers' state. */
  root: string;
  settings: Settings;
  /** Which VMM these settings come to, chosen once. Rejects as `chooseVmm` does. */
  choice: () => Promise<VmmChoice>;
  /** That VMM; where the choice fails, the one that was asked for or else QEMU. */
  vmm: () => Promise<VmmName>;
  /** Settings or bundle ask for live folders of the host: bind mounts above all. */
  needsFolders: boolean;
  /** What `settings.share` means on that VMM. */
  share: () => Promise<Settings["share"]>;
  /** What settings and bundle ask of the guest's kernel. Rejects with UNSUPPORTED for a bundle that cannot run in a VM. */
  needs: () => Promise<ReadonlyMap<FeatureName, string>>;
  /** The guest image of these settings, found once. Rejects as `resolveGuestImage` does. */
  image: () => Promise<GuestImage>;
}

/** @param config the bundle's config.json, if there is a bundle. */
export function makeContext(root: string, settings: Settings, config?: Record<string, unknown>): Context {
  const image = once(() =>
    resolveGuestImage({ kernel: settings.kernel, rootfs: settings.rootfs, runtime: "crun" }),
  );
  const needsFolders = needsSharedFolders(settings, hasBinds(config));
  const kernel = async (): Promise<KernelImage> => (await image()).kernel;
  const choice = once(() => chooseVmm({ ...settings, needsFolders, kernel }));
  const vmm = async (): Promise<VmmName> => {
    const fallback = settings.vmm === "firecracker" ? "firecracker" : "qemu";
    return choice().then(
      (chosen) => chosen.vmm,
      () => fallback,
    );
  };
  const share = async (): Promise<Settings["share"]> =>
    settledShare(settings.share, await vmm(), { home: "container", kernel }).catch(() => settings.share);
  const needs = async (): Promise<ReadonlyMap<FeatureName, string>> => {
    const settled = { share: await share(), vmm: await vmm() };
    if (config === undefined) return kernelNeeds({}, settled);
    planMounts(config);
    return kernelNeeds(guestConfig(config, "doctor", GUEST_SHARE), settled);
  };
  return { root, settings, choice, vmm, needsFolders, share, needs, image };
}

/** A bundle that cannot run in a VM is told of by `needs`. */
function hasBinds(config: Record<string, unknown> = {}): boolean {
  try {
    return bindMounts(config).length > 0;
  } catch {
    return false;
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
