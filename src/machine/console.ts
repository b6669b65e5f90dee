import { createReadStream, existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { ReadStream } from "node:tty";
import { NkError } from "../base/errors.ts";
import { writeStderr } from "../base/logger.ts";
import { print } from "../base/print.ts";

/** Ctrl-], as in telnet. */
const DETACH = 0x1d;

/** How a connection ends when we leave, or the monitor does. */
const ENDS = ["ERR_STREAM_PREMATURE_CLOSE", "ECONNRESET"];

/** Prints the log of the guest's console, the older part first. Resolves to whether there was one. */
export async function printConsoleLog(stateDir: string): Promise<boolean> {
  const logs = consoleLogs(stateDir);
  for (const path of logs) await printAll(createReadStream(path));
  return logs.length > 0;
}

function consoleLogs(stateDir: string): string[] {
  return ["console.log.1", "console.log"].map((name) => join(stateDir, name)).filter(existsSync);
}

/** What a distribution's kernel, which has a driver for it, says of a machine without. */
const NO_PCI = "PCI: Fatal: No config space access function found";

/** Tells a person which line of the console looks like a failure and is none. */
export function explainConsole(stateDir: string): void {
  if (consoleLogs(stateDir).some((path) => readFileSync(path, "latin1").includes(NO_PCI)))
    writeStderr(`note: "${NO_PCI}" is no failure: the machine has no PCI bus, and needs none\n`);
}

/** Until its end, or until nobody reads it any more. */
async function printAll(source: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of source) if (!(await print(chunk))) return;
}

/**
 * Prints what comes from the console until the VM ends; with `input` also sends standard input there, and ends with it.
 * @param before is done when nothing that comes can be missed any more
 * @throws NOT_FOUND when no monitor listens
 */
export async function attachConsole(
  controlSocket: string,
  input: boolean,
  before: () => Promise<unknown>,
): Promise<void> {
  const socket = await upgraded(controlSocket);
  try {
    await before();
    if (input) sendInput(socket);
    await printAll(socket);
  } catch (error) {
    if (!ENDS.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  } finally {
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.stdin.destroy();
    socket.destroy();
  }
}

function sendInput(socket: Socket): void {
  // The monitor does not close its end when ours is closed.
  const leave = (): unknown => socket.end(() => socket.destroy());
  if (process.stdin.isTTY) {
    writeStderr("Ctrl-] leaves; nothing in our guest reads this console\n");
    makeRaw(process.stdin);
  }
  process.stdin.on("end", leave);
  process.stdin.on("data", (chunk: Buffer) => {
    const end = chunk.indexOf(DETACH);
    socket.write(end < 0 ? chunk : chunk.subarray(0, end));
    if (end < 0) return;
    process.stdin.pause();
    leave();
  });
}

/** When SIGINT or SIGTERM ends node it sets the terminal back itself, with no other signal. */
function makeRaw(terminal: ReadStream): void {
  // One that was closed cannot be set back, and need not be.
  terminal.on("error", () => {});
  terminal.setRawMode(true);
  for (const signal of ["SIGHUP", "SIGQUIT"] as const) {
    process.once(signal, () => {
      terminal.setRawMode(false);
      process.kill(process.pid, signal);
    });
  }
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
