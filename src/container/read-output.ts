import { closeSync, existsSync, fstatSync, openSync, readlinkSync, readSync, watch } from "node:fs";
import { join } from "node:path";
import { print } from "../base/print.ts";
import type { ContainerRecord } from "../state/record.ts";
import { OUTPUT_FILES } from "../launch/kept-output.ts";

const CHUNK_BYTES = 64 * 1024;

/** Prints what is kept of a container's output, and then what comes. */
export class OutputReader {
  private readonly stateDir: string;
  /** Up to where the newer file has been printed. */
  private at: { ino: number; bytes: number } | undefined;

  constructor(stateDir: string) {
    this.stateDir = stateDir;
  }

  get isKept(): boolean {
    return existsSync(join(this.stateDir, OUTPUT_FILES.log));
  }

  /** What has not been printed yet. Resolves to whether somebody still reads it. */
  async printNew(): Promise<boolean> {
    const [old, log] = [OUTPUT_FILES.old, OUTPUT_FILES.log].map((name) => openIfThere(this.stateDir, name));
    try {
      if (old === undefined || log === undefined) return false;
      const { ino, size } = fstatSync(log);
      const isSame = this.at?.ino === ino && this.at.bytes <= size;
      if (!isSame && !(await printFrom(old, this.at?.ino === fstatSync(old).ino ? this.at.bytes : 0)).more)
        return false;
      const { bytes, more } = await printFrom(log, isSame ? (this.at?.bytes ?? 0) : 0);
      this.at = { ino, bytes };
      return more;
    } finally {
      for (const fd of [old, log]) if (fd !== undefined) closeSync(fd);
    }
  }

  /** Goes on with what comes, until the last process that could write has ended, the container is deleted, or nobody reads. */
  async follow(): Promise<void> {
    const events = new Wake();
    const watcher = watch(this.stateDir, () => events.wake());
    // The folder may go.
    watcher.on("error", () => events.wake());
    try {
      while (existsSync(join(this.stateDir, OUTPUT_FILES.open))) {
        if (!(await this.printNew())) return;
        await events.next();
      }
      await this.printNew();
    } finally {
      watcher.close();
    }
  }
}

/** An event that happened while nobody waited is not lost. */
class Wake {
  private isAwake = false;
  private resolve: () => void = () => {};

  wake(): void {
    this.isAwake = true;
    this.resolve();
  }

  async next(): Promise<void> {
    if (!this.isAwake) {
      await new Promise<void>((resolve) => {
        this.resolve = resolve;
      });
    }
    this.isAwake = false;
  }
}

function openIfThere(dir: string, name: string): number | undefined {
  try {
    return openSync(join(dir, name), "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** @returns where it ended, and whether somebody still reads what is printed */
async function printFrom(fd: number, start: number): Promise<{ bytes: number; more: boolean }> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let bytes = start;
  for (;;) {
    const count = readSync(fd, chunk, 0, chunk.length, bytes);
    if (count === 0) return { bytes, more: true };
    bytes += count;
    if (!(await print(chunk.subarray(0, count)))) return { bytes, more: false };
  }
}

/** Managers of containers by their annotations, and the command that has what they keep. */
const MANAGERS: readonly [name: string, value: RegExp, command: string][] = [
  ["io.container.manager", /^libpod$/, "podman logs CONTAINER"],
  ["io.container.manager", /^cri-o$/, "crictl logs CONTAINER"],
  ["io.kubernetes.cri.container-type", /./, "crictl logs CONTAINER"],
];

/** Where the output of a container goes that is not kept here, in one sentence. */
export function whereOutputGoes({ pid, status, annotations }: ContainerRecord): string {
  const manager = MANAGERS.find(([name, value]) => value.test(annotations[name] ?? ""));
  if (manager) return `whoever started it has it: ${manager[2]}`;
  if (status === "stopped") return "it went to where the command that started it had its own";
  const target = streamTarget(pid);
  if (target === "/dev/null") return "it is thrown away: it was started with its output to /dev/null";
  if (target.startsWith("pipe:") || target.startsWith("socket:"))
    return "it goes through a pipe to the program that started it";
  if (/^\/dev\/(?:pts\/|tty|console)/.test(target)) return `it goes to the terminal ${target}`;
  return target.startsWith("/") ? `it goes to a file: tail -f ${target}` : "it is closed";
}

function streamTarget(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/1`);
  } catch {
    return "";
  }
}
