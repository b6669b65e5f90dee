import { createReadStream, existsSync } from "node:fs";
import { request } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { NkError } from "../base/errors.ts";

/** Ctrl-], as in telnet. */
const DETACH = 0x1d;

/** Prints the log of the guest's console, the older part first. */
export async function printConsoleLog(stateDir: string): Promise<number> {
  for (const name of ["console.log.1", "console.log"]) {
    const path = join(stateDir, name);
    if (existsSync(path)) await pipeline(createReadStream(path), process.stdout, { end: false });
  }
  return 0;
}

/**
 * Prints what comes from the console until the VM ends; with `input` also sends standard input there.
 * @param before is done when nothing that comes can be missed any more
 * @throws NOT_FOUND when no monitor listens
 */
export async function attachConsole(
  controlSocket: string,
  input: boolean,
  before: () => Promise<number>,
): Promise<number> {
  const socket = await upgraded(controlSocket);
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
  await before();
  if (input) sendInput(socket);
  socket.on("data", (chunk: Buffer) => process.stdout.write(chunk));
  await closed;
  if (process.stdin.isTTY) process.stdin.setRawMode(false);
  process.stdin.destroy();
  return 0;
}

function sendInput(socket: Socket): void {
  if (process.stdin.isTTY) process.stdin.setRawMode(true);
  process.stdin.on("data", (chunk: Buffer) => {
    const end = chunk.indexOf(DETACH);
    socket.write(end < 0 ? chunk : chunk.subarray(0, end));
    if (end >= 0) socket.destroy();
  });
}

function upgraded(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath,
      path: "/console",
      headers: { Connection: "Upgrade", Upgrade: "nk-stream" },
    });
    asked.on("upgrade", (_, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      socket.on("error", () => {});
      resolve(socket);
    });
    asked.on("response", ({ statusCode }) =>
      reject(new NkError("BAD_STATE", `the monitor refused the console: ${statusCode}`)),
    );
    asked.on("error", (cause) =>
      reject(
        new NkError("NOT_FOUND", `the VM's monitor does not answer on ${socketPath}: ${cause.message}`, {
          cause,
        }),
      ),
    );
    asked.end();
  });
}
