import { execFile } from "node:child_process";
import { NkError } from "../base/errors.ts";
import { findProgram } from "../host/programs.ts";

/** Users may have no PATH: podman gives none. */
const PS_FOLDERS = ["/usr/bin", "/bin"];
const TIMEOUT_MS = 20_000;
/** A host may have some ten thousand processes. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/**
 * The lines of the host's ps(1) about these processes, below its first, as runc has it.
 * @param options for ps; none: -ef
 * @throws HOST in runc's words
 */
export async function linesOfPs(pids: readonly number[], options: readonly string[]): Promise<string[]> {
  const [header = "", ...lines] = (await runPs(options.length > 0 ? options : ["-ef"])).split("\n");
  const column = header.trim().split(/\s+/).indexOf("PID");
  if (column < 0) throw new NkError("HOST", "couldn't find PID field in ps output: its options must keep it");
  const own = lines.filter((line) => pids.includes(Number(line.trim().split(/\s+/)[column])));
  return [header, ...own];
}

function runPs(args: readonly string[]): Promise<string> {
  const program = findProgram("ps", process.env["PATH"] ?? "", PS_FOLDERS);
  if (program === undefined)
    throw new NkError("HOST", 'exec: "ps": executable file not found in $PATH: install it (procps)');
  const options = { timeout: TIMEOUT_MS, killSignal: "SIGKILL", maxBuffer: MAX_OUTPUT_BYTES } as const;
  return new Promise((resolve, reject) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new NkError("HOST", `ps ${args.join(" ")} failed: ${stderr || stdout || error.message}`));
    });
  });
}
