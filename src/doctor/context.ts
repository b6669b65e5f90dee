import { resolveGuestImage, type GuestImage } from "../image/guest-image.ts";
import type { FeatureName } from "../image/kernel-features.ts";
import { kernelNeeds } from "../monitor/kernel-needs.ts";
import { guestConfig, GUEST_SHARE, planMounts } from "../oci/guest-config.ts";
import type { Settings } from "../oci/settings.ts";

/** What the checks are about. */
export interface Context {
  /** Folder of the containers' state. */
  root: string;
  settings: Settings;
  /** What settings and bundle ask of the guest's kernel. @throws UNSUPPORTED for a bundle that cannot run in a VM */
  needs: () => ReadonlyMap<FeatureName, string>;
  /** The guest image of these settings, found once. Rejects as `resolveGuestImage` does. */
  image: () => Promise<GuestImage>;
}

/** @param config the bundle's config.json, if there is a bundle. */
export function makeContext(root: string, settings: Settings, config?: Record<string, unknown>): Context {
  let image: Promise<GuestImage> | undefined;
  return {
    root,
    settings,
    needs: () => {
      if (config === undefined) return kernelNeeds({}, settings.share);
      planMounts(config);
      return kernelNeeds(guestConfig(config, "doctor", GUEST_SHARE), settings.share);
    },
    image: () => {
      const { kernel, rootfs } = settings;
      image ??= resolveGuestImage({ kernel, rootfs, runtime: "crun" });
      return image;
    },
  };
}
