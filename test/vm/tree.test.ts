import { afterAll, beforeAll, expect, it } from "vitest";
import { TreeRig } from "./tree-rig.ts";
import { SHARES } from "./tree-shares.ts";

/** A container's tree comes out the same by every share, or the difference is one of those in tree-shares.ts. 100,000 files: test/soak. */
const FILES = 1000;

let rig: TreeRig;

beforeAll(async () => {
  rig = await TreeRig.make(FILES);
});

afterAll(async () => {
  expect(await rig.close()).toEqual([]);
});

it.for(SHARES.map((share) => [share.name, share] as const))("%s", async ([, share], { skip }) => {
  skip(share.obstacle !== undefined, share.obstacle);
  const { unexpected, unseen } = await rig.compare(share);
  expect(unexpected.slice(0, 50)).toEqual([]);
  expect(unseen).toEqual([]);
});
