import { findOpenRoot, type OpenRoot } from "../host/open-root.ts";
import type { Bundle } from "../oci/bundle.ts";
import type { Settings } from "../oci/settings.ts";

/**
 * What there is to say when users of the host can run what the container will write: nothing where it writes nothing to the host (a
 * read-only root, a disk of its VM), or writes as users who are nobody there (a user namespace).
 * @param machine the VM made by hand that takes it: its containers have no disk
 */
export function openRootOf(
  { config, path, rootfs }: Bundle,
  { mode, share, sync }: Settings,
  machine?: string,
): OpenRoot | undefined {
  const onDisk = mode === "vm" && machine === undefined && share === "block" && !sync;
  const isMapped = (config.linux?.uidMappings ?? []).length > 0;
  return config.root.readonly === true || onDisk || isMapped ? undefined : findOpenRoot(rootfs, path);
}
