import { killProcess } from "../host/process-info.ts";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, watch } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { checkGivenUp, endsCreation, unlessGivenUp } from "../host/give-up.ts";

/** How long a runtime may take for a container that nobody wants any more: hooks may hang. */
const FINISH_MS = 2000;

/**
 * A container that the host's runtime is making. On a signal the runtime is not killed half-way, where it could leave what nobody
 * finds (a cgroup without a record): it may finish, and then the container is killed.
 */
export class HostCreation {
  private readonly givenUp: AbortSignal;
  private readonly pidFile: string;
  private readonly before: string;
  private readonly foreground: boolean;
  private unwanted: boolean;

  /**
   * @param pidFile which the runtime writes when the container is there
   * @param foreground signals are the container's from then on
   */
  constructor(givenUp: AbortSignal, pidFile: string, foreground: boolean) {
    this.givenUp = givenUp;
    this.pidFile = pidFile;
    this.before = this.stamp();
    this.foreground = foreground;
    this.unwanted = givenUp.aborted;
    // Decided once, in the turn in which `takes` is asked: a signal is the container's or ends it, and is never lost.
    givenUp.addEventListener("abort", () => (this.unwanted = !this.isOver()));
  }

  /** To be called before the runtime is started. @throws the reason of `givenUp` */
  begin(): Promise<void> {
    return checkGivenUp(this.givenUp);
  }

  /** Whether the signal is not for the runtime but ends the creation. */
  takes(signal: NodeJS.Signals): boolean {
    return endsCreation(signal) && !this.isOver();
  }

  /** Resolves with the runtime's exit status. @throws the reason of `givenUp`, when runtime and container have ended */
  async watch(child: ChildProcess, exited: Promise<number>): Promise<number> {
    try {
      const status = await this.unlessEarly(exited);
      if (!this.isOver()) await checkGivenUp(this.givenUp);
      return status;
    } catch (error) {
      if (this.unwanted) await this.end(child, exited);
      throw error;
    }
  }

  private async unlessEarly(exited: Promise<number>): Promise<number> {
    try {
      return await unlessGivenUp(this.givenUp, exited);
    } catch (error) {
      if (this.unwanted || !this.givenUp.aborted) throw error;
      return exited;
    }
  }

  private isOver(): boolean {
    return this.foreground && this.isMade();
  }

  private async end(child: ChildProcess, exited: Promise<number>): Promise<void> {
    const done = exited.catch(() => {});
    await Promise.race([done, this.made(), delay(FINISH_MS)]);
    if (this.isMade() && child.exitCode === null) killProcess(Number(readFileSync(this.pidFile, "utf8")));
    await Promise.race([done, delay(FINISH_MS)]);
    child.kill("SIGKILL");
    await done;
  }

  private async made(): Promise<void> {
    const watcher = watch(dirname(this.pidFile), { persistent: false });
    try {
      while (!this.isMade()) await once(watcher, "change");
    } finally {
      watcher.close();
    }
  }

  private isMade(): boolean {
    return this.stamp() !== this.before;
  }

  /** Tells a new pid file from an old one in its place. An empty one is being written. */
  private stamp(): string {
    const stat = statSync(this.pidFile, { bigint: true, throwIfNoEntry: false });
    return stat === undefined || stat.size === 0n ? "" : `${stat.ino} ${stat.mtimeNs}`;
  }
}
