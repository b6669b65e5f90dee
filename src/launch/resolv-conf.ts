import { isAbsolute, posix } from "node:path";
import type { OciMount } from "../oci/config.ts";
import { asksForBind } from "../oci/guest-mounts.ts";

const RESOLV_CONF = "/etc/resolv.conf";

/**
 * The file of the host that a caller binds over the container's resolv.conf: what it names, the caller serves. One in the root file system names what the
 * image's own programs serve.
 */
export function boundResolvConf(mounts: readonly OciMount[] = []): string | undefined {
  const last = mounts.findLast(({ destination }) => posix.join("/", destination) === RESOLV_CONF);
  if (last?.source === undefined || !asksForBind(last)) return undefined;
  return isAbsolute(last.source) ? last.source : undefined;
}
