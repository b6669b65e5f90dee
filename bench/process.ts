import { spawn } from "node:child_process";

/** Long after any boot that works, also on a loaded machine: a run that takes longer is a failure, not a measurement. */
const TIMEOUT_MS = 120_000;

export interface Timed {
  wallMs: number;
  output: string;
}

/**
 * Runs a program to its end: its wall time and what it printed. A status other than 0 is an error.
 * @param options detaches: what it starts outlives it, and would keep a pipe of ours open
 */
export function timeProcess(
  command: string,
  args: readonly string[],
  { detaches = false } = {},
): Promise<Timed> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const startNs = process.hrtime.bigint();
    const child = spawn(command, args, {
      stdio: detaches ? "ignore" : ["ignore", "pipe", "pipe"],
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    let wallMs = 0;
    child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", reject);
    // "exit" is the end of the program; "close" also waits for whoever inherited its output.
    child.on("exit", () => (wallMs = Number(process.hrtime.bigint() - startNs) / 1e6));
    child.on("close", (code, signal) => {
      const output = Buffer.concat(chunks).toString("utf8");
      if (code === 0) resolve({ wallMs, output });
      else
        reject(new Error(`${command} ${args.join(" ")}\nended with ${signal ?? String(code)}:\n${output}`));
    });
  });
}
