import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Runtime } from "../vm/runtime.ts";
import { ContainerFolder, LONG_SHARE_CASES, QEMU_SHARES, runShareCase } from "../vm/share-cases.ts";

/** What takes a share long. */

let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime();
});

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

describe.each(Object.entries(QEMU_SHARES))("a folder shared by %s", (kind, share) => {
  const note = share.obstacle === undefined ? "" : ` (${kind} is not tried: ${share.obstacle})`;

  describe.skipIf(share.obstacle !== undefined)(`takes${note}`, () => {
    let folder: ContainerFolder;
    beforeAll(async () => {
      folder = await ContainerFolder.share(runtime, share);
    });
    afterAll(() => folder.close());

    it.for(Object.keys(LONG_SHARE_CASES))("%s", (name, { skip }) => runShareCase(share, name, folder, skip));
  });
});
