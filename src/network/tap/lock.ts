import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, fstatSync, openSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Deadline } from "../../base/deadline.ts";
import { NkError } from "../../base/errors.ts";
import { programPath } from "../programs.ts";
import { bridgesIn, makeFolder } from "./folder.ts";

/** Each that waits takes some 50 ms, on a host with far too much to do a quarter of a second. */
const WAIT_MS = 120_000;
/** flock(1): the lock was not to be had in time. */
const TIMED_OUT = 1;

/**
 * Runs `work` while no other process does such work in the folder of a namespace. It is made for that, and goes when there is no bridge in it.
 * @throws NETWORK
 */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const fd = await acquire(folder);
  try {
    return await work();
  } finally {
    if (bridgesIn(folder).length === 0) rmSync(folder, { recursive: true, force: true });
    closeSync(fd);
  }
}

/** The same, unless there is no such folder. */
export async function withLockIfThere(folder: string, work: () => Promise<void>): Promise<void> {
  if (existsSync(folder)) await withLock(folder, work);
}

/**
 * A lock of flock(2), which the kernel takes back when the process ends. node has no call for it, so flock(1) locks the file that we have open: the lock
 * is of the open file, not of who asked for it.
 */
async function acquire(folder: string): Promise<number> {
  const program = programPath("flock", "util-linux");
  const deadline = Deadline.after(WAIT_MS);
  // No bridge has a name that begins so.
  const path = join(folder, ".lock");
  for (;;) {
    const fd = openIn(folder, path);
    if (fd === undefined) continue;
    try {
      await flock(program, fd, path, deadline);
      if (isSameFile(fd, path)) return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    // Who had it before has removed the folder.
    closeSync(fd);
  }
}

/** @returns undefined when another process has removed the folder meanwhile */
function openIn(folder: string, path: string): number | undefined {
  makeFolder(folder);
  try {
    return openSync(path, "a", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function flock(program: string, fd: number, path: string, deadline: Deadline): Promise<void> {
  const timeoutS = (deadline.remainingMs() / 1000).toFixed(3);
  const child = spawn(program, ["--timeout", timeoutS, "3"], {
    cwd: "/",
    stdio: ["ignore", "ignore", "ignore", fd],
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code === 0) return;
  throw new NkError(
    "NETWORK",
    code === TIMED_OUT
      ? `the host's network is being changed by another process for more than ${WAIT_MS / 1000} s: lslocks shows which has ${path}`
      : `cannot lock ${path}: flock ended with status ${code}`,
  );
}

function isSameFile(fd: number, path: string): boolean {
  return fstatSync(fd).ino === statSync(path, { throwIfNoEntry: false })?.ino;
}
