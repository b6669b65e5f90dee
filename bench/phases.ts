import { readFileSync } from "node:fs";
import type { Span } from "../src/trace/channels.ts";
import { parseSpanLine } from "../src/trace/span-line.ts";
import { median } from "./statistics.ts";

/** One phase over all runs: medians, in milliseconds; the start counts from the start of the command. */
export interface Phase {
  actor: string;
  name: string;
  startMs: number;
  durationMs: number;
  runs: number;
}

/** The spans of a trace.jsonl. */
export function readTrace(path: string): Span[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .map(parseSpanLine)
    .filter((span) => span !== undefined);
}

export interface TracedRun {
  /** process.hrtime.bigint() just before the command was started: the clock of all spans. */
  startNs: bigint;
  spans: Span[];
}

/** Medians of every phase that the runs have, in order of their starts. A name that comes twice in a run is added up. */
export function phasesOf(runs: readonly TracedRun[]): Phase[] {
  const found = new Map<string, { actor: string; name: string; starts: number[]; durations: number[] }>();
  for (const { startNs, spans } of runs) {
    for (const [key, { span, durationMs }] of mergeByName(spans)) {
      const phase = found.get(key) ?? { actor: span.actor, name: span.name, starts: [], durations: [] };
      phase.starts.push(Number(span.startNs - startNs) / 1e6);
      phase.durations.push(durationMs);
      found.set(key, phase);
    }
  }
  return [...found.values()]
    .map(({ actor, name, starts, durations }) => ({
      actor,
      name,
      startMs: median(starts),
      durationMs: median(durations),
      runs: starts.length,
    }))
    .sort((a, b) => a.startMs - b.startMs);
}

function mergeByName(spans: readonly Span[]): Map<string, { span: Span; durationMs: number }> {
  const merged = new Map<string, { span: Span; durationMs: number }>();
  for (const span of spans) {
    const key = `${span.actor} ${span.name}`;
    const durationMs = Number(span.endNs - span.startNs) / 1e6;
    const before = merged.get(key);
    if (before === undefined) merged.set(key, { span, durationMs });
    else before.durationMs += durationMs;
  }
  return merged;
}

/** The phases as text, one line each with a bar on the time axis. */
export function formatPhases(phases: readonly Phase[], totalMs: number): string {
  const columns = 40;
  const scale = columns / Math.max(totalMs, 1);
  const lines = phases.map(({ actor, name, startMs, durationMs }) => {
    const from = Math.min(columns - 1, Math.max(0, Math.floor(startMs * scale)));
    const length = Math.max(1, Math.min(columns - from, Math.round(durationMs * scale)));
    const bar = `${" ".repeat(from)}${"█".repeat(length)}`.padEnd(columns);
    const times = `${startMs.toFixed(0).padStart(6)} ${durationMs.toFixed(1).padStart(8)}`;
    return `  ${actor.padEnd(9)} ${name.slice(0, 36).padEnd(36)} ${times}  ${bar}`;
  });
  return [
    `  ${"actor".padEnd(9)} ${"phase".padEnd(36)} ${"start".padStart(6)} ${"took ms".padStart(8)}`,
    ...lines,
  ].join("\n");
}
