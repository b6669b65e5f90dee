import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Runtime } from "./runtime.ts";
import { ContainerFolder, QEMU_SHARES, runShareCase, SHARE_CASES } from "./share-cases.ts";

let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime();
});

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

describe.each(Object.entries(QEMU_SHARES))("a folder shared by %s", (kind, share) => {
  const note = share.obstacle === undefined ? "" : ` (${kind} is not tried: ${share.obstacle})`;

  describe.skipIf(share.obstacle !== undefined)(`is a folder like any other${note}`, () => {
    let folder: ContainerFolder;
    beforeAll(async () => {
      folder = await ContainerFolder.share(runtime, share);
    });
    afterAll(() => folder.close());

    it.for(Object.keys(SHARE_CASES))("%s", (name, { skip }) => runShareCase(share, name, folder, skip));
  });
});
