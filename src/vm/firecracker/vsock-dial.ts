import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Deadline } from "../../base/deadline.ts";
import { NkError } from "../../base/errors.ts";
import { checkSocketPath } from "../../base/socket-path.ts";
import { reasonOf } from "../../base/system-error.ts";
import { VSOCK_PHASE } from "./vsock.ts";

/** "OK 4294967295\n" has 14 bytes. */
const MAX_REPLY_BYTES = 32;

/** Firecracker does not look at the socket before the guest's driver is up, and some releases never again after a pause. */
const ATTEMPT_MS = 1000;

/** How soon to ask again where nobody listens in the guest: nothing says when somebody does. */
const RETRY_MS = 20;

/**
 * A connection to a port on which somebody in the guest listens, or will before the deadline. Does not watch Firecracker's process.
 * @param udsPath may lead through /proc/self/fd, where a longer path would not fit
 * @throws TIMEOUT when nobody listens, VMM when Firecracker does not, BAD_CONFIG for a path that is too long
 */
export async function dialGuest(udsPath: string, port: number, deadline: Deadline): Promise<Socket> {
  checkSocketPath(udsPath);
  for (;;) {
    const attempt = Math.min(ATTEMPT_MS, deadline.remainingMs());
    const socket = await tryPort(udsPath, port, attempt);
    if (socket !== undefined) return socket;
    if (deadline.remainingMs() === 0) {
      const problem = `expected somebody to listen on vsock port ${port} of the guest, found nobody before the deadline`;
      throw new NkError("TIMEOUT", problem, { phase: VSOCK_PHASE });
    }
    await sleep(RETRY_MS);
  }
}

/** Undefined when the connection was closed without a byte, or nothing came in time: nobody listens, yet. */
async function tryPort(udsPath: string, port: number, timeoutMs: number): Promise<Socket | undefined> {
  const socket = connect(udsPath);
  socket.on("error", () => {}); // its end is what whoever reads it hears of
  // In one piece: Firecracker reads the line at once, and gives up on a part of it.
  socket.write(`CONNECT ${port}\n`);
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  try {
    const reply = await readReply(socket);
    if (reply === undefined) return undefined;
    if (/^OK \d{1,10}$/.test(reply)) return socket;
    throw new NkError(
      "VMM",
      `expected "OK" and a port from Firecracker's vsock, found ${JSON.stringify(reply)}`,
      { phase: VSOCK_PHASE },
    );
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The line that Firecracker says, and not a byte of what the guest says after it. */
function readReply(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      socket.off("readable", onReadable).off("error", onError).off("close", onClose);
      act();
    };
    let received = Buffer.alloc(0);
    const onReadable = (): void => {
      for (
        let chunk = socket.read() as Buffer | null;
        chunk !== null;
        chunk = socket.read() as Buffer | null
      ) {
        received = Buffer.concat([received, chunk]);
        const end = received.indexOf("\n");
        if (end < 0 && received.length <= MAX_REPLY_BYTES) continue;
        const line = received.toString("latin1", 0, end < 0 ? MAX_REPLY_BYTES : end);
        // The guest may have been faster than we.
        if (end >= 0 && end + 1 < received.length) socket.unshift(received.subarray(end + 1));
        return settle(() => resolve(line));
      }
    };
    const onClose = (): void => settle(() => resolve(undefined));
    const onError = (error: NodeJS.ErrnoException): void => {
      // Nobody in the guest, or all of Firecracker's backlog taken.
      const notYet = error.code === "ECONNRESET" || error.code === "EPIPE" || error.code === "EAGAIN";
      settle(() => (notYet ? resolve(undefined) : reject(dialError(socket, error))));
    };
    socket.on("readable", onReadable).on("error", onError).on("close", onClose);
  });
}

function dialError(socket: Socket, cause: NodeJS.ErrnoException & { address?: string }): NkError {
  socket.destroy();
  const problem = `expected Firecracker to listen on ${cause.address ?? "its vsock socket"}, found: ${reasonOf(cause)}`;
  return new NkError("VMM", problem, { phase: VSOCK_PHASE, cause });
}
