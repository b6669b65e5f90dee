import type { Workbench } from "./workbench.ts";

/** One line of the table: what was measured, beside what it is compared with, sample by sample in turns. */
export interface Row {
  what: string;
  unit: "ms" | "MB/s" | "files/s" | "MiB" | "Gbit/s" | "requests/s" | "s/GB" | "lost";
  samples: number[];
  /** Measured in the same call, by turns, because only numbers of the same minutes of the same machine can be compared. */
  baseline?: { what: string; samples: number[] };
  /** How the medians are compared; the goal is for the result. */
  compare?: "ratio" | "difference";
  goal?: { most: number } | { least: number };
}

/** What a measurement found. */
export interface Findings {
  rows: Row[];
  /** For people, after the table. */
  notes?: string[];
  /** For the JSON file only. */
  details?: Record<string, unknown>;
}

/** One file each, listed in bench/vm.ts. */
export interface Measurement {
  name: string;
  measure: (bench: Workbench, runs: number) => Promise<Findings>;
}
