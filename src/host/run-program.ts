import { execFile } from "node:child_process";

export interface Outcome {
  /** 0 when it worked; undefined when it could not be started or was ended by us. */
  code: number | undefined;
  /** Standard output and error together. */
  output: string;
}

/** Users have no sbin in their PATH, and some callers have no PATH at all. */
const SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

/** Far more than any of them takes, also on a host with ten times as much to do as it can. */
const TIMEOUT_MS = 20_000;

/** Runs a program to its end, with a deadline. Never throws: what went wrong is in the outcome. */
export function runProgram(path: string, args: readonly string[], timeoutMs = TIMEOUT_MS): Promise<Outcome> {
  const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:${SYSTEM_PATH}` };
  const options = { timeout: timeoutMs, killSignal: "SIGKILL", cwd: "/", env } as const;
  return new Promise((resolve) => {
    const child = execFile(path, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ code: 0, output: stdout + stderr });
      else if (typeof error.code === "number") resolve({ code: error.code, output: stdout + stderr });
      else if (error.killed)
        resolve({ code: undefined, output: `${path} did not end within ${timeoutMs / 1000} s` });
      else resolve({ code: undefined, output: stderr || error.message });
    });
    child.stdin?.end();
  });
}

export function firstLine(text: string): string {
  return text.trim().split("\n")[0] ?? "";
}

/** The version number in what a program says of itself, "" when there is none. */
export function versionIn(text: string): string {
  return /\d+(\.\d+)+/.exec(text)?.[0] ?? "";
}
