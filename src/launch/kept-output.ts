import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isatty } from "node:tty";
import { makeFifos } from "../host/fifo.ts";
import { shadowPath } from "../host/paths.ts";

/**
 * The output of a container that was started at a terminal and left there. Its end is kept in the state folder: the newer part in
 * `output.log`, the older in `output.old`; `output.open` is there until the last byte is. The one who writes is `nk-shadow keep`.
 */
export const OUTPUT_FILES = { log: "output.log", old: "output.old", open: "output.open" } as const;

/** Of both files together; the state folder is in memory on most hosts. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Descriptors for the standard streams of a process that goes on when its command has ended: those of ours that are a terminal are not for it,
 * because a person goes on working there. What it writes is kept instead, and it reads nothing. Callers give pipes, files or /dev/null, which
 * are passed on as runc does.
 * @returns undefined when none of them is a terminal
 */
export async function keptStreams(stateDir: string): Promise<readonly [number, number, number] | undefined> {
  const [input, ...outputs] = [0, 1, 2].map((fd) => isatty(fd));
  if (input !== true && !outputs.includes(true)) return undefined;
  const kept = outputs.includes(true) ? await keeper(stateDir) : 1;
  const [output = false, errors = false] = outputs;
  return [input === true ? openSync("/dev/null", "r") : 0, output ? kept : 1, errors ? kept : 2];
}

/** Starts the one who keeps what is written to the returned descriptor; it ends when nobody has that any more. */
async function keeper(stateDir: string): Promise<number> {
  const path = (name: string): string => join(stateDir, name);
  const fifo = path("output.fifo");
  await makeFifos([fifo]);
  const input = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const output = openSync(fifo, constants.O_WRONLY);
  rmSync(fifo);
  writeFileSync(path(OUTPUT_FILES.open), "", { mode: 0o600 });
  const files = [OUTPUT_FILES.log, OUTPUT_FILES.old].map((name) => openSync(path(name), "w", 0o600));
  const child = spawn(shadowPath(), ["keep", String(MAX_BYTES)], {
    // Its folder gets another name when the container's id is claimed. A session of its own: the terminal may go.
    cwd: stateDir,
    detached: true,
    stdio: [input, "ignore", "ignore", ...files],
  });
  await once(child, "spawn");
  child.unref();
  for (const fd of [input, ...files]) closeSync(fd);
  return output;
}
