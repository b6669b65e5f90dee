import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { NkError } from "../base/errors.ts";
import type { Adoption } from "./adoption.ts";

const MAX_HEAD_BYTES = 4096;
const REQUEST = "POST /adopt HTTP/1.1\r\nHost: nk\r\nConnection: Upgrade\r\nUpgrade: nk-stream\r\n\r\n";

/**
 * Asks a VM that waits to become the home of a container. @returns the connection: the lines of the monitor's report come on it, and its end tells the
 * monitor that nobody wants the container any more
 * @throws NOT_FOUND when no monitor listens, BAD_STATE when it refuses
 */
export async function adoptVm(controlSocket: string, adoption: Adoption): Promise<Socket> {
  const socket = connect(controlSocket);
  try {
    await once(socket, "connect");
    socket.write(REQUEST);
    await readHead(socket);
  } catch (cause) {
    socket.destroy();
    if (cause instanceof NkError) throw cause;
    throw new NkError("NOT_FOUND", `the VM that waited does not answer on ${controlSocket}`, { cause });
  }
  socket.write(`${JSON.stringify(adoption)}\n`);
  return socket;
}

/** Up to the blank line; what follows is left in the socket. */
async function readHead(socket: Socket): Promise<void> {
  let head = Buffer.alloc(0);
  while (!head.includes("\r\n\r\n")) {
    const chunk = socket.read() as Buffer | null;
    if (chunk) head = Buffer.concat([head, chunk]);
    else if (socket.readableEnded || head.length > MAX_HEAD_BYTES) throw new Error("no answer");
    else await Promise.race([once(socket, "readable"), once(socket, "end")]);
  }
  const end = head.indexOf("\r\n\r\n") + 4;
  if (!head.toString("latin1").startsWith("HTTP/1.1 101"))
    throw new NkError(
      "BAD_STATE",
      `the VM that waited refuses: ${head.toString("utf8").split("\r\n")[0] ?? ""}`,
    );
  if (end < head.length) socket.unshift(head.subarray(end));
}
