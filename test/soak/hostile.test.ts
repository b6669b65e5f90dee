import { afterAll, beforeAll, expect, it } from "vitest";
import { moreEnds, moreProtocolErrors, moreSilences } from "../vm/hostile-cases.ts";
import { HostileRig, IN_A_HURRY } from "../vm/hostile-rig.ts";

let rig: HostileRig;

beforeAll(async () => {
  rig = new HostileRig();
  await rig.start();
});

afterAll(async () => {
  expect(await rig.close()).toEqual([]);
});

it.each([...moreProtocolErrors, ...moreEnds])(
  "a guest with %s costs one container, its own",
  (_name, script, error) => rig.expectEnd(script, error),
);
it.each(moreSilences)("a guest with %s costs one container, its own", (_name, script, error) =>
  rig.expectEnd(script, error, [], IN_A_HURRY),
);
