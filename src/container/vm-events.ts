import { watch } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { count } from "../agent/messages.ts";
import { asNkError } from "../base/errors.ts";
import { formatExact } from "../base/exact-json.ts";
import { isObject } from "../base/json.ts";
import { print } from "../base/print.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import { warnings } from "../trace/channels.ts";
import type { EventsRequest } from "./container-mode.ts";
import { refreshVmSettled } from "./refresh.ts";
import { runcStats } from "./runc-stats.ts";

/** Node's timers take no more, and fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Prints the events of a container in a VM as runc does: statistics in each interval, and that memory ran out, until it ends or nobody reads.
 * @param ask for the guest's numbers (`stats` in protocol/agent-protocol.md)
 */
export async function printEvents(
  store: StateStore,
  { id }: ContainerRecord,
  { once, intervalMs }: EventsRequest,
  ask: () => Promise<unknown>,
): Promise<number> {
  if (once) {
    await printStats(id, await ask());
    return 0;
  }
  const stop = new AbortController();
  const watcher = watch(store.dirOf(id));
  const look = (): void => {
    if (hasEnded(store, id)) stop.abort();
  };
  watcher.on("change", look);
  // Its folder has gone.
  watcher.on("error", () => stop.abort());
  try {
    look();
    await printEach(store, id, ask, () => nextTurn(intervalMs, stop.signal));
  } finally {
    watcher.close();
  }
  return 0;
}

async function printEach(
  store: StateStore,
  id: string,
  ask: () => Promise<unknown>,
  turn: () => Promise<boolean>,
): Promise<void> {
  let killed = oomKills(await ask());
  let isRead = true;
  while (isRead && (await turn())) {
    try {
      const stats = await ask();
      const now = oomKills(stats);
      if (now > killed) isRead = await printOom(id);
      killed = now;
      isRead &&= await printStats(id, stats);
    } catch (error) {
      if (await isGone(store, id)) break;
      warnings.publish(asNkError(error).message);
    }
  }
  if (isRead && killed === 0 && endedByOom(store, id)) await printOom(id);
}

/** False: the container has ended. */
async function nextTurn(intervalMs: number, ended: AbortSignal): Promise<boolean> {
  await delay(Math.min(intervalMs, MAX_TIMER_MS), undefined, { signal: ended }).catch(() => {});
  return !ended.aborted;
}

function recordOf(store: StateStore, id: string): ContainerRecord | undefined {
  try {
    return store.read(id);
  } catch {
    return undefined; // it has been deleted
  }
}

function hasEnded(store: StateStore, id: string): boolean {
  return (recordOf(store, id)?.status ?? "stopped") === "stopped";
}

/** As `hasEnded`; a monitor that was killed has written nothing down. */
async function isGone(store: StateStore, id: string): Promise<boolean> {
  const record = recordOf(store, id);
  return record === undefined || (await refreshVmSettled(store, record)).status === "stopped";
}

function endedByOom(store: StateStore, id: string): boolean {
  return recordOf(store, id)?.oomKilled === true;
}

function oomKills(stats: unknown): number {
  const memory = isObject(stats) ? stats["memory"] : undefined;
  const events = isObject(memory) ? memory["events"] : undefined;
  return isObject(events) ? count(events["oom_kill"]) : 0;
}

function printStats(id: string, stats: unknown): Promise<boolean> {
  return print(`${formatExact({ type: "stats", id, data: runcStats(stats) })}\n`);
}

function printOom(id: string): Promise<boolean> {
  return print(`${formatExact({ type: "oom", id })}\n`);
}
