import { constants } from "node:os";
import { NkError } from "../base/errors.ts";

/** Of Linux with glibc, where the first two real-time signals belong to the C library (signal(7)). */
const SIGRTMIN = 34;
const SIGRTMAX = 64;

/**
 * A signal as runc takes it: "9", "KILL", "SIGKILL", "sigkill", "RTMIN+1", and "0", which asks whether there is a process (kill(2)).
 * @throws USAGE with runc's words.
 */
export function parseSignal(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : signalByName(text);
  if (number === undefined || number < 0 || number > SIGRTMAX) {
    throw new NkError(
      "USAGE",
      `unknown signal "${text}": use a name as in KILL or SIGKILL, or a number from 0 to ${SIGRTMAX}`,
    );
  }
  return number;
}

function signalByName(text: string): number | undefined {
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime) return realTimeSignal(realTime[1] === "MIN", realTime[2], Number(realTime[3] ?? 0));
  return (constants.signals as Record<string, number>)[`SIG${name}`];
}

function realTimeSignal(fromMin: boolean, sign: string | undefined, offset: number): number | undefined {
  if (sign !== undefined && sign !== (fromMin ? "+" : "-")) return undefined;
  const number = fromMin ? SIGRTMIN + offset : SIGRTMAX - offset;
  return number >= SIGRTMIN && number <= SIGRTMAX ? number : undefined;
}

/** "SIGTERM", "SIGRTMIN+3", or the number where it has no name. */
export function signalName(signal: number): string {
  const found = Object.entries(constants.signals).find(([, number]) => number === signal);
  if (found) return found[0];
  if (signal >= SIGRTMIN && signal <= SIGRTMAX)
    return signal === SIGRTMIN ? "SIGRTMIN" : `SIGRTMIN+${signal - SIGRTMIN}`;
  return String(signal);
}
