import { posix } from "node:path";
import { rawMounts } from "./guest-mounts.ts";

type Json = Record<string, unknown>;

/** What a runtime makes devices in. It begins with what the root file system has there. */
const DEV: Json = {
  destination: "/dev",
  type: "tmpfs",
  source: "tmpfs",
  options: ["nosuid", "strictatime", "mode=755", "size=65536k", "tmpcopyup"],
};

/**
 * The config.json with a file system on /dev. On a host a runtime makes devices in the root file system where nothing is mounted; a share may be read-only by
 * then, or have none.
 */
export function withDev(raw: Json): Json {
  const mounts = rawMounts(raw);
  const isThere = mounts.some(({ destination }) => posix.resolve("/", String(destination)) === "/dev");
  return isThere ? raw : { ...raw, mounts: [DEV, ...mounts] };
}
