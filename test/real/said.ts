import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { scaled } from "../fixtures/scaled.ts";

/** What a program has said by its end. */
export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

const TIMEOUT_MS = 120_000;

/** Runs a program to its end. @param input of its standard input */
export async function saidBy(
  argv: readonly string[],
  env = process.env,
  input = "",
  timeoutMs = TIMEOUT_MS,
): Promise<Said> {
  const [program = "", ...words] = argv;
  const call = promisify(execFile)(program, words, { env, timeout: scaled(timeoutMs) });
  // A program may end without having read it.
  call.child.stdin?.on("error", () => {}).end(input);
  try {
    return { code: 0, ...(await call) };
  } catch (error) {
    const { code, stdout, stderr } = error as Said;
    return { code, stdout, stderr };
  }
}

/** The output of a program that must not fail. @throws with its words when it does */
export function outputOf(name: string, { code, stdout, stderr }: Said): string {
  if (code !== 0) throw new Error(`${name}: exit ${code}: ${stderr}${stdout}`);
  return stdout;
}
