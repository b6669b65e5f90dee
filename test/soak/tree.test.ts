import { afterAll, beforeAll, expect, it } from "vitest";
import { TreeRig } from "../vm/tree-rig.ts";
import { SHARES } from "../vm/tree-shares.ts";
import { writeFigures } from "./figures.ts";

/** As test/vm/tree.test.ts, with as many files as a large image has. */
const FILES = 100_000;

const figures: { share: string; secondsOfEachRun: number[] }[] = [];
let rig: TreeRig;

beforeAll(async () => {
  rig = await TreeRig.make(FILES);
});

afterAll(async () => {
  writeFigures("tree", figures);
  expect(await rig.close()).toEqual([]);
});

it.for(SHARES.map((share) => [share.name, share] as const))("%s", async ([, share], { skip }) => {
  skip(share.obstacle !== undefined, share.obstacle);
  const secondsOfEachRun: number[] = [];
  figures.push({ share: share.name, secondsOfEachRun });
  // The second time the image of a disk is there.
  const times = share.name.startsWith("block") ? 2 : 1;
  for (let time = 1; time <= times; time += 1) {
    const startMs = performance.now();
    const { unexpected, unseen } = await rig.compare(share);
    secondsOfEachRun.push(Math.round((performance.now() - startMs) / 100) / 10);
    expect(unexpected.slice(0, 50)).toEqual([]);
    expect(unseen).toEqual([]);
  }
});
