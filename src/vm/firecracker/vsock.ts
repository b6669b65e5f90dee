import { lchownSync, lstatSync, unlinkSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { NkError } from "../../base/errors.ts";
import { checkSocketPath } from "../../base/socket-path.ts";
import { connectError } from "../../host/connect-error.ts";
import { reasonOf } from "../../base/system-error.ts";

/**
 * Firecracker's vsock (docs/vsock.md of Firecracker): on the host there is no AF_VSOCK, but a Unix socket at `udsPath` on which the host asks for a
 * port of the guest, and a Unix socket of ours at `<udsPath>_<port>` for each port of the host that the guest may connect to.
 * This is the second one; vsock-dial.ts is the first.
 *
 * Never half-close a connection: Firecracker takes the end of what we send for the end of both directions, and drops what the guest still had to say.
 */

export const VSOCK_PHASE = "connect to the guest over vsock";

/** As many as one VM can have connections. With a full one Firecracker stands still, CPUs and all, until there is room. */
const BACKLOG = 1023;

export interface GuestListener {
  readonly path: string;
  /** Takes no more connections and removes the socket; connections that were taken stay. A path through /proc/self/fd must still lead there. */
  close(): void;
}

export interface ListenOptions {
  /** As whom Firecracker runs, when not as we do. */
  owner?: { uid: number; gid: number };
  /** Gets each connection. Nothing of it is lost before somebody listens to it. */
  onConnection: (socket: Socket) => void;
}

/**
 * Listens for the guest at `<udsPath>_<port>`. Must be there before the VM starts: the guest's connection is refused at once otherwise. A socket that was
 * left behind, on which nobody listens, is replaced.
 * @throws EXISTS when somebody listens there, HOST when it cannot be made, BAD_CONFIG for a path that is too long
 */
export async function listenForGuest(
  udsPath: string,
  port: number,
  { owner, onConnection }: ListenOptions,
): Promise<GuestListener> {
  const path = `${udsPath}_${port}`;
  checkSocketPath(path);
  const server = createServer((socket) => {
    socket.on("error", () => {}); // its end is what whoever reads it hears of
    onConnection(socket);
  });
  server.on("error", () => {}); // a connection that could not be taken: the guest sees it end
  try {
    await bind(server, path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") throw error;
      await removeStale(path);
      await bind(server, path);
    });
    if (owner !== undefined) lchownSync(path, owner.uid, owner.gid);
  } catch (error) {
    server.close();
    if (error instanceof NkError) throw error;
    throw new NkError("HOST", `cannot listen on ${path}: ${reasonOf(error)}`, {
      phase: VSOCK_PHASE,
      cause: error,
    });
  }
  return { path, close: () => void server.close() };
}

/** For its owner alone from the first moment on. */
function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const mask = process.umask(0o177);
    server.listen({ path, backlog: BACKLOG }, () => {
      server.off("error", reject);
      resolve();
    });
    process.umask(mask);
  });
}

/** Removes a socket on which nobody listens any more. @throws EXISTS when somebody does, or it is none. */
async function removeStale(path: string): Promise<void> {
  const isStale = lstatSync(path).isSocket() && (await connectError(path)) === "ECONNREFUSED";
  if (isStale) return unlinkSync(path);
  const problem = `expected ${path} to be free for the connections of a guest, found it in use`;
  throw new NkError("EXISTS", `${problem}: end what uses it, or remove it`, { phase: VSOCK_PHASE });
}
