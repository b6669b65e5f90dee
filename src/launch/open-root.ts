import { findOpenRoot, type OpenRoot } from "../host/open-root.ts";
import type { Bundle } from "../oci/bundle.ts";
import type { Settings } from "../oci/settings.ts";
import type { SettledShape } from "../vm/shape.ts";

/**
 * What there is to say when users of the host can run what the container will write: nothing where it writes nothing to the host (a
 * read-only root, a disk of its VM), or writes as users who are nobody there (a user namespace).
 * @param shape of the VM that is its own, if it has one
 */
export function openRootOf(
  { config, path, rootfs }: Bundle,
  { sync }: Pick<Settings, "sync">,
  shape?: Pick<SettledShape, "root">,
): OpenRoot | undefined {
  const onDisk = shape?.root === "disk" && !sync;
  const isMapped = (config.linux?.uidMappings ?? []).length > 0;
  return config.root.readonly === true || onDisk || isMapped ? undefined : findOpenRoot(rootfs, path);
}
