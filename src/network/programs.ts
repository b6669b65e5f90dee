import { spawn } from "node:child_process";
import { NkError } from "../base/errors.ts";
import { findProgram } from "../host/programs.ts";
import { traced } from "../trace/channels.ts";

/** Users have no sbin in their PATH, and some callers have no PATH at all. */
const FOLDERS = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/** Each takes some milliseconds; on a host that is far too busy, seconds. */
const TIMEOUT_MS = 20_000;
/** Far more than a namespace with some hundred interfaces and routes needs. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** The programs that do the work on the host, and the packages that have them. */
const PACKAGES = { ip: "iproute2", tc: "iproute2", bridge: "iproute2", nft: "nftables", sh: "dash" } as const;

export type NetworkProgram = keyof typeof PACKAGES;

/** One call of a program, which is a step of the timeline. */
export interface NetworkCommand {
  program: NetworkProgram;
  args: readonly string[];
  /** What it reads: the lines of `-batch -`, rules. */
  input?: string;
  /** In that network namespace, a path; undefined: ours. */
  netns?: string | undefined;
  /** What the step is called, and why it is needed. */
  name: string;
  why: string;
}

/**
 * Runs it to its end. @returns what it said on standard output
 * @throws NETWORK with its words, or the package that is missing
 */
export async function runNetworkCommand(command: NetworkCommand): Promise<string> {
  const { program, args, input, netns, name, why } = command;
  const inside = netns === undefined ? [] : [programPath("nsenter", "util-linux"), `--net=${netns}`];
  const argv = [...inside, networkProgram(program), ...args];
  const what = input === undefined ? argv.join(" ") : `${argv.join(" ")} <<EOF\n${input}EOF`;
  return traced("network", name, { why, what }, () => run(argv, input ?? "", name));
}

/** The same of `ip` or `tc` for many lines, in one call. @param options of the program itself @throws NETWORK */
export async function runBatch(
  command: Omit<NetworkCommand, "args"> & { input: string },
  options: readonly string[] = [],
): Promise<void> {
  await runNetworkCommand({ ...command, args: [...options, "-batch", "-"] });
}

/** Where it is, for a script. @throws NETWORK with the package that is missing */
export function networkProgram(program: NetworkProgram): string {
  return programPath(program, PACKAGES[program]);
}

/** Where a program is; undefined: it is not installed. */
export function findNetworkProgram(name: string): string | undefined {
  return findProgram(name, process.env["PATH"] ?? "", FOLDERS);
}

/** @throws NETWORK with the package that is missing */
export function programPath(name: string, debianPackage: string): string {
  const path = findNetworkProgram(name);
  if (path !== undefined) return path;
  throw new NkError(
    "NETWORK",
    `the VM's network needs the program ${name}, which is not installed: install the package ${debianPackage}, or use --vm-net=none`,
  );
}

function run([path = "", ...args]: string[], input: string, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { cwd: "/", timeout: TIMEOUT_MS, killSignal: "SIGKILL" });
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.length > MAX_OUTPUT_BYTES) child.kill("SIGKILL");
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text.slice(0, 4096)));
    child.on("error", (error) => reject(failed(name, error.message)));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(output);
      else reject(failed(name, errors.trim() || `it ended with ${signal ?? `status ${code}`}`));
    });
    // One that ends early says why itself.
    child.stdin.on("error", () => {}).end(input);
  });
}

function failed(name: string, words: string): NkError {
  const hint = /Operation not permitted/.test(words)
    ? " (CAP_NET_ADMIN is needed: run it as root, or use --vm-net=none)"
    : "";
  return new NkError("NETWORK", `cannot ${name}: ${words.split("\n")[0] ?? ""}${hint}`, { log: words });
}
