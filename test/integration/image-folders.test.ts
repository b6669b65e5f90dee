import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { file, folder, link } from "../fixtures/tar.ts";
import { ImageRig, layer } from "./image-rig.ts";

/** The folder that an image is unpacked to, and the one that its process works in. */
let rig: ImageRig;

beforeEach(async () => {
  rig = await ImageRig.make();
});

afterEach(() => rig.cleanup());

it("a bundle is closed to users, also in an empty folder that was open", async () => {
  const out = join(rig.dir, "out");
  mkdirSync(out);
  chmodSync(out, 0o755);
  expect(await rig.unpack(layer(file("one")))).toMatchObject({ code: 0, stderr: "" });
  expect(statSync(out).mode & 0o777).toBe(0o700);
});

describe("a working directory that cannot be is refused by its name, and nothing is left", () => {
  const image = layer(
    folder("etc/"),
    file("etc/file"),
    { path: "etc/fifo", type: "6", mode: 0o640 },
    link("etc/link", "file"),
  );

  it.each([
    ["/etc/file", /working directory \/etc\/file cannot be: \/etc\/file is a file/],
    ["/etc/fifo", /working directory \/etc\/fifo cannot be: \/etc\/fifo is a fifo/],
    ["/etc/file/below/it", /working directory \/etc\/file\/below\/it cannot be: \/etc\/file is a file/],
    ["/etc/link", /working directory \/etc\/link cannot be: \/etc\/file is a file/],
  ])("%s", async (workingDir, message) => {
    const { code, stderr } = await rig.unpackImage({
      layers: [image],
      config: { Cmd: ["x"], WorkingDir: workingDir },
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(existsSync(join(rig.dir, "out"))).toBe(false);
  });
});
