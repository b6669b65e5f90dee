import { resolveGuestImage, type GuestImage } from "../image/guest-image.ts";
import { guestConfig, GUEST_SHARE } from "../oci/guest-config.ts";
import type { Settings } from "../oci/settings.ts";

/** What the checks are about. */
export interface Context {
  /** Folder of the containers' state. */
  root: string;
  settings: Settings;
  /** config.json as the guest's runtime would get it; empty without a bundle. */
  guestConfig: Record<string, unknown>;
  /** The guest image of these settings, found once. Rejects as `resolveGuestImage` does. */
  image: () => Promise<GuestImage>;
}

/** @param config the bundle's config.json, if there is a bundle. */
export function makeContext(root: string, settings: Settings, config?: Record<string, unknown>): Context {
  let image: Promise<GuestImage> | undefined;
  return {
    root,
    settings,
    guestConfig: config === undefined ? {} : guestConfig(config, "doctor", GUEST_SHARE),
    image: () => {
      const { kernel, rootfs } = settings;
      image ??= resolveGuestImage({ kernel, rootfs, runtime: "crun" });
      return image;
    },
  };
}
