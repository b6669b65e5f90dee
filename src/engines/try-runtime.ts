import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { randomBytes } from "../base/random.ts";
import { runProgram } from "../host/run-program.ts";
import { traced } from "../trace/channels.ts";
import type { Engine } from "./engine.ts";

const WHY = "what is configured is only known to work when a container has run";
/** A boot under emulation, on a host with much else to do. */
const TIMEOUT_MS = 120_000;

/**
 * Runs one container by an engine.
 * @param rootfs a root file system with echo, which is copied: engines write into it
 * @throws RUNTIME with what the engine said
 */
export async function tryRuntime(
  engine: Engine,
  { name, path }: { name: string; path: string },
  rootfs: string,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "nk-engine-"));
  const root = join(folder, "rootfs");
  const word = `nk-check-${randomBytes(4).toString("hex")}`;
  try {
    cpSync(rootfs, root, { recursive: true, verbatimSymlinks: true });
    const args = ["-ec", engine.check, "nk-check", name, root, word, path];
    const { code, output } = await traced(
      "cli",
      `run a container by ${engine.program}`,
      { why: WHY, what: engine.check },
      () => runProgram("/bin/sh", args, TIMEOUT_MS),
    );
    if (code === 0 && output.includes(word)) return;
    const found = code === undefined ? "it did not end" : `exit status ${code}`;
    throw new NkError(
      "RUNTIME",
      `${engine.program} could not run a container by ${name}: ${found}: ${output.trim()}`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
