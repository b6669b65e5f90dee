import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { READY } from "./server-files.ts";

/** Far more than a boot takes. */
const TIMEOUT_MS = 60_000;

/** Waits until a program has printed all of these words, and reads what it prints later. @throws with what it printed when it does not, or ends */
export function untilSaid(child: ChildProcess, words: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    const fail = (why: string): void => {
      clearTimeout(timer);
      reject(new Error(`${child.spawnargs.join(" ")}\nexpected ${words.join(", ")}; ${why}: ${said}`));
    };
    const timer = setTimeout(() => fail(`after ${TIMEOUT_MS / 1000} s it had printed`), TIMEOUT_MS);
    child.on("error", ({ message }) => fail(message));
    child.on("exit", () => fail("it has ended, and printed"));
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (!words.every((word) => said.includes(word))) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Waits until the servers of a peer listen. */
export async function readyOr(child: ChildProcess, close: () => Promise<void>): Promise<void> {
  try {
    await untilSaid(child, READY);
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

/** A program whose output can be read. */
export function start([program, ...words]: readonly [string, ...string[]]): ChildProcess {
  return spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
}

/** Ends it, if it has not ended. */
export async function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const end = once(child, "exit");
  child.kill("SIGKILL");
  await end;
}
