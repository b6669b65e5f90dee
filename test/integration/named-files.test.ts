import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeBundle, type TestBundle } from "../fixtures/make-bundle.ts";
import { NK_RUNTIME, NkRuntime } from "../fixtures/nk-runtime.ts";

/** What stands where a command reads a file: the open of a fifo would wait for a writer, deaf to every signal. */
let nk: NkRuntime;
let bundle: TestBundle;
let dir: string;
let fifo: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "nk-named-"));
  fifo = join(dir, "fifo");
  execFileSync("mkfifo", [fifo]);
  nk = await NkRuntime.make();
  bundle = await makeBundle({ args: ["sleep", "1000"] });
  expect((await nk.run(["run", "-d", "-b", bundle.dir, "box"], { streams: "ignored" })).code).toBe(0);
});

afterAll(async () => {
  await nk.cleanup();
  await bundle.cleanup();
  rmSync(dir, { recursive: true });
});

/** A folder with a fifo of that name, and what else there is to be in it. */
function folderWith(name: string, files: Record<string, string> = {}): string {
  const folder = mkdtempSync(join(dir, "folder-"));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  mkdirSync(join(folder, name, ".."), { recursive: true });
  execFileSync("mkfifo", [join(folder, name)]);
  return folder;
}

const settings = (name: string) => ({ env: { NK_CONFIG_DIR: folderWith(name) } });
const NOT_A_FILE = /it is a fifo, not a file/;
const kernel = join(import.meta.dirname, "../../build/image/kernels/default");

describe("a fifo is refused at once", () => {
  it("as the process of exec", async () => {
    const { code, stderr } = await nk.run(["exec", "--process", fifo, "box"]);
    expect({ code, stderr }).toEqual({
      code: 255,
      stderr: expect.stringMatching(/--process: cannot read .*: it is a fifo, not a file/) as unknown,
    });
  });

  it.each(["config.json", "config.d/10-site.json"])("as the settings file %s", async (name) => {
    const { code, stderr } = await nk.run(["run", "-b", bundle.dir, "other"], settings(name));
    expect(code).toBe(1);
    expect(stderr).toContain(`${name}: it is a fifo, not a file`);
  });

  it.each(["container", "vm"])("as config.json of a bundle in mode %s", async (mode) => {
    const folder = folderWith("config.json");
    const { code, stderr } = await nk.run(["run", `--mode=${mode}`, "-b", folder, "other"]);
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot read ${folder}/config.json: it is a fifo, not a file`);
  });

  it.each([
    ["an image", ["bundle", "FIFO", "new"], /neither file nor folder/],
    ["the image of run", ["run", "--image=FIFO", "other"], /neither file nor folder/],
    ["a kernel to add", ["vm-kernel", "add", "FIFO"], NOT_A_FILE],
    ["a guest kernel", ["run", "--mode=vm", "--vm-kernel=FIFO", "-b", "BUNDLE", "other"], /is not a file/],
    ["an initramfs", ["run", "--mode=vm", "--vm-rootfs=FIFO", "-b", "BUNDLE", "other"], /is not a file/],
  ])("as %s", async (_, words, message) => {
    const args = words.map((word) =>
      word.replace("FIFO", fifo).replace("BUNDLE", bundle.dir).replace(/^new$/, join(dir, "new")),
    );
    const { code, stderr } = await nk.run(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });

  it("as an index of a kernel's modules", async () => {
    const modules = folderWith("modules.dep");
    const { code, stderr } = await nk.run(["vm-kernel", "add", `--modules=${modules}`, "--name=x", kernel]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/modules\.dep: it is a fifo, not a file/);
  });
});

describe("the process of exec may come from a descriptor of the caller's", () => {
  const json = JSON.stringify({ args: ["echo", "it ran"], cwd: "/", env: ["PATH=/bin"] });
  const exec = (words: string): string =>
    execFileSync("bash", ["-c", `"$0" --root "$1" exec ${words}`, NK_RUNTIME, nk.root, json, fifo], {
      encoding: "utf8",
    });

  it.each([
    ["of a process substitution", '--process <(printf %s "$2") box'],
    ["of one that writes late", '--process <(sleep 0.3; printf %s "$2") box'],
    ["of a here-string", '--process /dev/stdin box <<<"$2"'],
    ["of a fifo that was opened", '--process /dev/stdin box < <(cat "$3" & printf %s "$2" >"$3")'],
    ["of a fifo as standard input", '--process /dev/stdin box <"$3" & printf %s "$2" >"$3"; wait'],
  ])("%s", (_, words) => {
    expect(exec(words)).toBe("it ran\n");
  });
});
