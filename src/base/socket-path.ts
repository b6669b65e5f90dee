import { NkError } from "./errors.ts";

/** `sun_path` of unix(7) without its terminating NUL. */
export const MAX_SOCKET_PATH_BYTES = 107;

/**
 * Node cuts a longer path off, and makes or finds the socket somewhere else.
 * @param mend how the path gets shorter, for people
 * @throws BAD_CONFIG
 */
export function checkSocketPath(path: string, mend = "name a folder with a shorter path with --root"): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return;
  const problem = `${path} has ${bytes} bytes, a socket's path at most ${MAX_SOCKET_PATH_BYTES}`;
  throw new NkError("BAD_CONFIG", `${problem}: ${mend}`);
}
