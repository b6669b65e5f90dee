import { spawnSync } from "node:child_process";
import { basename } from "node:path";
import { NkError } from "../base/errors.ts";
import type { BoundedLog } from "../host/bounded-log.ts";
import { startDaemon, describeExit } from "../host/daemon.ts";
import { findProgram } from "../host/programs.ts";
import { withoutXattrs } from "../host/xattrs.ts";
import { traced } from "../trace/channels.ts";
import type { DiskFormat } from "./disk-format.ts";
import type { TreeScan } from "./tree-scan.ts";

const HELP_TIMEOUT_MS = 5000;

/** Where `mkfs` lies when PATH is that of a user. */
const SYSTEM_DIRS = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/** Why this host cannot make images of a format; undefined when it can. */
export function toolObstacle(format: DiskFormat): string | undefined {
  if (findTool("mkfs.ext4") === undefined || findTool("debugfs") === undefined)
    return "mkfs.ext4 and debugfs are not installed (package e2fsprogs)";
  if (format === "ext4") return undefined;
  const mkfs = findTool("mkfs.erofs");
  if (mkfs === undefined) return "mkfs.erofs is not installed (package erofs-utils)";
  return keepsTimes(mkfs) ? undefined : `${mkfs} is older than 1.5 and does not keep the files' times`;
}

/** Why a tool cannot read this tree; undefined when it can, as far as one can tell. */
export function treeObstacle(format: DiskFormat, { places }: TreeScan): string | undefined {
  if (format === "ext4") return undefined;
  const place = withoutXattrs(places);
  if (place === undefined) return undefined;
  return `mkfs.erofs reads no file system without extended attributes, and that of ${place} has none`;
}

function findTool(name: string): string | undefined {
  return findProgram(name, process.env["PATH"] ?? "", SYSTEM_DIRS);
}

/** erofs-utils before 1.5 wrote each file's status change for its modification. The help comes on standard error. */
function keepsTimes(mkfs: string): boolean {
  const { stdout, stderr } = spawnSync(mkfs, ["--help"], { encoding: "utf8", timeout: HELP_TIMEOUT_MS });
  return `${stdout}${stderr}`.includes("--preserve-mtime");
}

/** What a tool is run with. */
export interface ToolRun {
  /** Gets its output. */
  log: BoundedLog;
  /** Ends it before its time. */
  stop: AbortSignal;
}

/** A copy that shares blocks with its source where the file system can (btrfs, xfs), and has its holes anywhere. */
export function copySparse(source: string, target: string, run: ToolRun): Promise<void> {
  return runTool(["cp", "--reflink=auto", "--sparse=always", "--", source, target], run);
}

/**
 * Runs a tool of the host to its end; it dies with this process.
 * @param tree a root file system that it reads, and that a container may be writing to
 * @throws HOST with its last words, or the reason for which it was stopped
 */
export async function runTool(
  [name, ...args]: [string, ...string[]],
  run: ToolRun,
  tree?: string,
): Promise<void> {
  const { log, stop } = run;
  stop.throwIfAborted();
  const path = findTool(name);
  if (path === undefined) throw new NkError("HOST", `${name} is not installed`);
  const what = [name, ...args].join(" ");
  await traced("monitor", `run ${name}`, { why: "the root file system becomes a disk", what }, async () => {
    let output = "";
    const daemon = startDaemon({
      name,
      argv: [path, ...args],
      log,
      ...(tree !== undefined && { foreignDir: tree }),
      onOutput: (chunk) => {
        output = (output + chunk.toString("utf8")).slice(-2048);
      },
    });
    const kill = (): void => daemon.kill("SIGKILL");
    stop.addEventListener("abort", kill);
    const exit = await daemon.exited;
    stop.removeEventListener("abort", kill);
    stop.throwIfAborted();
    if (exit.code === 0) return;
    throw new NkError(
      "HOST",
      `cannot make the disk of the root file system: ${basename(path)} ${describeExit(exit)}`,
      {
        phase: "make the disk image",
        log: output,
        see: log.path,
      },
    );
  });
}
