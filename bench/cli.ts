import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Measurement } from "./measurement.ts";
import { timeProcess } from "./process.ts";

/** A start is quick: more of them make the median steady. */
const TURNS_PER_RUN = 5;

/** `state` of a running container beside node on an empty file: what a command costs beyond node itself. */
export const cli: Measurement = {
  name: "cli",
  async measure(bench, runs) {
    const empty = join(bench.folder, "empty.js");
    writeFileSync(empty, "");
    const box = await bench.background(await bench.bundle(["sleep", "1000000"]));
    const node: number[] = [];
    const state: number[] = [];
    for (let turn = 0; turn < runs * TURNS_PER_RUN; turn += 1) {
      node.push((await timeProcess(process.execPath, [empty])).wallMs);
      state.push((await bench.call("state", box)).wallMs);
    }
    await bench.remove(box);
    return {
      rows: [
        {
          what: "`state` of a running container",
          unit: "ms",
          samples: state,
          baseline: { what: "node on an empty file", samples: node },
          compare: "difference",
          goal: { most: 10 },
        },
      ],
    };
  },
};
