import type { Findings, Row } from "../measurement.ts";
import { median } from "../statistics.ts";
import type { CpuUse } from "./cpu.ts";
import type { Peer } from "./peers.ts";
import type { Work } from "./works.ts";

/** What was found of one work with one peer, round by round. */
export interface Series {
  peer: Peer;
  work: Work;
  values: number[];
  /** Of the first round too, whose values are not counted. */
  lost: number[];
  cpu: Cpu[];
}

/** Seconds of the peer's processes on the host, and of the guest's kernel by its own clock. */
export interface Cpu {
  host: CpuUse;
  guest: CpuUse;
}

export function findingsOf(series: readonly Series[]): Findings {
  const floors = new Map(series.filter(({ peer }) => peer.isFloor).map((one) => [one.work, one]));
  const others = series.filter(({ peer }) => !peer.isFloor);
  const rows = others.map((one) => rowOf(one, floors.get(one.work)));
  const costRows = others.flatMap((one) => costRow(one, floors.get(one.work)));
  const cpu = series.map((one) => ({ peer: one.peer.name, work: one.work.what, use: medians(one.cpu) }));
  return {
    rows: [...rows, ...costRows, ...lostRows(series)],
    notes: ["Processor time of one such work (medians, s):", ...cpu.map(cpuLine)],
    details: { cpu },
  };
}

function rowOf({ peer, work, values }: Series, floor: Series | undefined): Row {
  return {
    what: `${peer.name}: ${work.what}`,
    unit: work.unit,
    samples: values,
    ...(floor && { baseline: { what: floor.peer.name, samples: floor.values } }),
    compare: "ratio",
    ...(peer.hasGoal && work.goal && { goal: work.goal }),
  };
}

/** Whatever else the host does, this repeats: on a busy one it is worth more than what was carried in a second. */
function costRow(series: Series, floor: Series | undefined): Row[] {
  const { peer, work } = series;
  if (work.cost === undefined) return [];
  const baseline = floor && { what: floor.peer.name, samples: costs(floor) };
  const what = `${peer.name}: processor time, ${work.what}`;
  return [
    { what, unit: work.cost.unit, samples: costs(series), ...(baseline && { baseline }), compare: "ratio" },
  ];
}

function costs({ work, values, cpu }: Series): number[] {
  const sum = (use: CpuUse): number => Object.values(use).reduce((all, s) => all + s, 0);
  return values.map((value, run) => work.cost?.of(sum(cpu[run]?.host ?? {}), value) ?? Number.NaN);
}

/** A line for each peer: one that is lost in any round counts. */
function lostRows(series: readonly Series[]): Row[] {
  return [...new Set(series.map(({ peer }) => peer))].map((peer) => {
    const lost = series.filter((one) => one.peer === peer).flatMap((one) => one.lost);
    const sum = lost.reduce((all, one) => all + one, 0);
    return {
      what: `${peer.name}: requests, connections and pings`,
      unit: "lost",
      samples: [sum],
      goal: { most: 0 },
    };
  });
}

function medians(cpu: readonly Cpu[]): CpuUse {
  const uses = cpu.map(({ host, guest }): CpuUse => ({ ...host, ...guest }));
  const names = new Set(uses.flatMap((use) => Object.keys(use)));
  return Object.fromEntries([...names].map((name) => [name, median(uses.map((use) => use[name] ?? 0))]));
}

function cpuLine({ peer, work, use }: { peer: string; work: string; use: CpuUse }): string {
  const parts = Object.entries(use).filter(([, s]) => s >= 0.01);
  const words = parts.map(([name, s]) => `${name} ${s.toFixed(2)}`);
  return `  ${peer.padEnd(14)} ${work.padEnd(28)} ${words.join(", ")}`;
}
