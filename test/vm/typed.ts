import { execFileSync, spawn } from "node:child_process";
import { scaled } from "../fixtures/scaled.ts";

/** Command lines as a person types them at a shell. */

const START_TIMEOUT_MS = scaled(60_000);
const LOOK_EVERY_MS = 100;

/** What a line prints. @throws when it fails */
export function typed(line: string, input = "", env = process.env): string {
  return execFileSync("sh", ["-c", line], { encoding: "utf8", input, env });
}

/** Types a `run` that goes on in its terminal; resolves when `state` prints that its container runs. */
export async function started(
  line: string,
  state: string,
  env = process.env,
): Promise<{ ended: Promise<unknown> }> {
  const terminal = spawn("sh", ["-c", line], { env, stdio: "ignore" });
  const ended = new Promise((resolve) => terminal.once("close", resolve));
  const runs = (): boolean => {
    try {
      return typed(`${state} 2>/dev/null`, "", env) === "running (vm)\n";
    } catch {
      return false;
    }
  };
  const end = Date.now() + START_TIMEOUT_MS;
  while (!runs()) {
    if (Date.now() > end) throw new Error(`the container did not run within a minute: ${line}`);
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS);
    });
  }
  return { ended };
}
