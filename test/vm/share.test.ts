import { writeFileSync } from "node:fs";
import { join } from "node:path";
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

it("a server starts where root may not raise its limits, as in a container under sudo", async () => {
  const limited = join(runtime.root, ".limited");
  const drop = "setpriv --bounding-set=-sys_resource prlimit --core=0:0";
  writeFileSync(limited, `#!/bin/sh\nexec ${drop} ${runtime.program} "$@"\n`, { mode: 0o755 });
  const usual = runtime.program;
  runtime.program = limited;
  try {
    const result = await runtime.run({ args: ["echo", "up"] }, ["--vm-share=virtiofs"]);
    expect(result).toEqual({ code: 0, stdout: "up\n", stderr: "" });
  } finally {
    runtime.program = usual;
  }
});
