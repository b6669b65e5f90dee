import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeBundle, type TestBundle } from "../fixtures/make-bundle.ts";
import { NK_RUNTIME, NkRuntime } from "../fixtures/nk-runtime.ts";
import { AtTerminal } from "../vm/at-terminal.ts";

let nk: NkRuntime;
let bundles: TestBundle[];
let dir: string;

beforeEach(async () => {
  nk = await NkRuntime.make();
  bundles = [];
  dir = mkdtempSync(join(tmpdir(), "nk-habits-"));
});
afterEach(async () => {
  await nk.cleanup();
  await Promise.all(bundles.map((made) => made.cleanup()));
  rmSync(dir, { recursive: true });
});

async function script(text: string, terminal = false): Promise<string> {
  const made = await makeBundle({ args: ["sh", "-c", text], terminal });
  bundles.push(made);
  return made.dir;
}

const FOREVER = "while :; do sleep 0.1; done";

async function start(id: string, text: string): Promise<void> {
  const { code } = await nk.run(["run", "-d", "-b", await script(text), id], { streams: "ignored" });
  expect(code).toBe(0);
}

describe("what docker's users type", () => {
  it.each<[string[], number, RegExp]>([
    [["inspect", "habits1"], 3, /unknown command "inspect": nk-runtime state ID/],
    [["images"], 3, /nk-runtime run --image=FILE ID/],
    [["pull", "debian"], 3, /skopeo copy/],
    [["attach", "habits1"], 3, /nk-runtime logs -f ID/],
    [["constructor"], 3, /unknown command "constructor" \(/],
    [["ps"], 1, /nk-runtime list shows all/],
    [["ps", "-a"], 1, /no option -a: nk-runtime list/],
    [["ls", "-a"], 1, /list: no option -a: it lists those that have stopped, too/],
    [["run", "-it", "-v", "/a:/b", "habits1"], 1, /no option -v: a bind mount is an entry of mounts/],
    [["run", "-v/a:/b", "habits1"], 1, /no option -v: a bind mount/],
    [["run", "--volume=/a:/b", "habits1"], 1, /no option --volume: a bind mount/],
    [["run", "-e", "A=1", "habits1"], 1, /process\.env.*nk-runtime exec -e NAME=VALUE ID COMMAND/],
    [["run", "--name", "habits1"], 1, /the name is the last word/],
    [["run", "habits1", "--", "ls", "-l"], 1, /process\.args.*nk-runtime exec ID COMMAND/],
    [["run", "habits1", "ls"], 1, /process\.args/],
    [["run", "--constructor", "habits1"], 1, /unknown option --constructor \(/],
    [["run", "-d", "--rm", "habits1"], 1, /nk-runtime delete --force habits1/],
    [["run", "--rm", "--keep", "habits1"], 1, /--rm and --keep exclude each other/],
    [["run", "--vm", "--bundle=/b", "habits1"], 1, /--vm needs an ID, found "--bundle=\/b": .*--mode=vm/],
    [["exec", "-w", "/", "habits1", "ls"], 1, /no option -w: --cwd=DIR/],
    [["kill", "-s", "KILL", "habits1"], 1, /nk-runtime kill ID SIGNAL/],
    [["rm", "a", "b"], 1, /one at a time/],
  ])("%j is answered in one line with what to type here", async (words, code, message) => {
    const outcome = await nk.run(words);
    expect(outcome).toMatchObject({ code, stdout: "" });
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr.trim()).not.toContain("\n");
  });

  it("takes what can mean one thing: -i, --rm, ls, rm, exec -i", async () => {
    const { code } = await nk.run(["run", "-i", "--rm", "-b", await script("read x; exit $x"), "habits1"], {
      input: "7\n",
    });
    expect(code).toBe(7);
    await start("habits2", FOREVER);
    expect((await nk.run(["ls", "-q"])).stdout).toBe("habits2\n");
    const { stdout } = await nk.run(["exec", "-i", "habits2", "cat"], { input: "through" });
    expect(stdout).toBe("through");
    expect((await nk.run(["rm", "-f", "habits2"])).code).toBe(0);
    expect((await nk.run(["ls", "-q"])).stdout).toBe("");
  });

  it("takes -t where config.json has a terminal, and says where to have one", async () => {
    const refused = await nk.run(["run", "-it", "-b", await script("true"), "habits1"]);
    expect(refused.stderr).toMatch(/-t: process\.terminal in .*config\.json says that it has no terminal/);
    const terminal = AtTerminal.run(nk.root, [
      "run",
      "-it",
      "-b",
      await script("test -t 0", true),
      "habits1",
    ]);
    expect(await terminal.end()).toMatchObject({ code: 0 });
  });
});

describe("stop", () => {
  const stopped = async (id: string): Promise<string> => (await nk.run(["state", "--short", id])).stdout;

  it("lets a process end by itself, and leaves the container", async () => {
    await start("habits1", `trap 'echo done >/ended; exit 0' TERM; touch /ready; ${FOREVER}`);
    await expect.poll(() => nk.run(["exec", "habits1", "test", "-e", "/ready"])).toMatchObject({ code: 0 });
    expect(await nk.run(["stop", "habits1"])).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
    expect(await stopped("habits1")).toContain("stopped");
    expect(readFileSync(join(bundles[0]?.dir ?? "", "rootfs/ended"), "utf8")).toBe("done\n");
    expect((await nk.run(["stop", "habits1"])).code).toBe(0);
  });

  it.each([
    ["SIGUSR1", "usr1"],
    ["nonsense", "term"],
  ])("sends the signal that an image asks for: %s", async (stopSignal, said) => {
    const made = await makeBundle({
      args: [
        "sh",
        "-c",
        `trap 'echo usr1 >/said; exit' USR1; trap 'echo term >/said; exit' TERM; touch /ready; ${FOREVER}`,
      ],
      annotations: { "org.opencontainers.image.stopSignal": stopSignal },
    });
    bundles.push(made);
    await nk.run(["run", "-d", "-b", made.dir, "habits1"], { streams: "ignored" });
    await expect.poll(() => nk.run(["exec", "habits1", "test", "-e", "/ready"])).toMatchObject({ code: 0 });
    await nk.run(["stop", "habits1"]);
    expect(readFileSync(join(made.dir, "rootfs/said"), "utf8")).toBe(`${said}\n`);
  });

  it("kills one that does not, and one that was not started", async () => {
    await start("habits1", `trap '' TERM; ${FOREVER}`);
    await nk.run(["create", "-b", await script("true"), "habits2"], { streams: "ignored" });
    for (const id of ["habits1", "habits2"]) {
      expect((await nk.run(["stop", "-t", "0", id])).code).toBe(0);
      expect(await stopped(id)).toContain("stopped");
    }
  });

  it("says of a paused one to resume it first", async () => {
    await start("habits1", FOREVER);
    await nk.run(["pause", "habits1"]);
    expect((await nk.run(["stop", "habits1"])).stderr).toContain(`--root ${nk.root} resume habits1" first`);
  });
});

/** Starts a container as a person does, who has the terminal back at once. */
async function startAtTerminal(id: string, text: string): Promise<string> {
  const terminal = AtTerminal.run(nk.root, ["run", "-d", "-b", await script(text), id]);
  const { code, output } = await terminal.end();
  expect(code).toBe(0);
  return output;
}

const keepers = (): string[] =>
  execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes("nk-shadow keep"));

describe("logs", () => {
  it("has the output of what was started at a terminal and left, whose input is not the terminal's", async () => {
    const said = await startAtTerminal("habits1", "read x; echo out $x; echo err >&2; exec sleep 1000");
    expect(said.trim()).toBe(
      `nk-runtime: "nk-runtime --root ${nk.root} logs habits1" prints what habits1 writes`,
    );
    await expect.poll(async () => (await nk.run(["logs", "habits1"])).stdout).toBe("out\nerr\n");
  });

  it("-f goes on until the container ends, however it does", async () => {
    await startAtTerminal("habits1", `trap 'echo bye; exit 0' TERM; echo hi; ${FOREVER}`);
    const child = nk.spawn(["logs", "-f", "habits1"]);
    let output = "";
    const seen = new Promise<void>((resolve) => {
      child.stdout?.on("data", (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes("hi\n")) resolve();
      });
    });
    const ended = new Promise((resolve) => child.on("close", resolve));
    await seen;
    expect((await nk.run(["stop", "habits1"])).code).toBe(0);
    expect(await ended).toBe(0);
    expect(output).toBe("hi\nbye\n");
    expect((await nk.run(["logs", "-f", "habits1"])).stdout).toBe("hi\nbye\n");
  });

  it("keeps the end of it in bounded files, and nothing when it is deleted", async () => {
    await startAtTerminal("habits1", "seq 1 1500000; echo the end");
    const { stdout } = await nk.run(["logs", "-f", "habits1"]);
    expect(stdout).toMatch(/\n1500000\nthe end\n$/);
    const kept = ["output.log", "output.old"].map((name) => statSync(join(nk.root, "habits1", name)).size);
    for (const size of kept) expect(size).toBeLessThanOrEqual(2 * 1024 * 1024);
    const { stdout: again } = await nk.run(["logs", "habits1"]);
    expect(again.length).toBe((kept[0] ?? 0) + (kept[1] ?? 0));
    expect(again.length).toBeGreaterThan(2 * 1024 * 1024);
    await nk.run(["rm", "habits1"]);
    expect(keepers()).toEqual([]);
  });

  it("leaves no keeper behind when it is deleted while it writes, or cannot be made", async () => {
    await startAtTerminal("habits1", "while :; do echo more; done");
    expect((await nk.run(["rm", "-f", "habits1"])).code).toBe(0);
    const terminal = AtTerminal.run(nk.root, [
      "run",
      "-d",
      "--host-runtime=/bin/false",
      "-b",
      await script(""),
      "habits2",
    ]);
    expect(await terminal.end()).toMatchObject({ code: 1 });
    await expect.poll(keepers).toEqual([]);
    expect((await nk.run(["ls", "-q"])).stdout).toBe("");
  });

  it("says where the output is that somebody else took", async () => {
    const bundle = await script(FOREVER);
    const words = `"${NK_RUNTIME}" --root "${nk.root}" run -d -b "${bundle}"`;
    const shell = (line: string): Buffer =>
      execFileSync("sh", ["-c", line], { stdio: ["ignore", "pipe", "ignore"] });
    shell(`${words} file >"${dir}/out" 2>&1 </dev/null`);
    shell(`${words} null >/dev/null 2>&1 </dev/null`);
    const reader = nk.spawn(["run", "-d", "-b", bundle, "pipe"]);
    await new Promise((resolve) => reader.on("exit", resolve));
    const logs = async (id: string): Promise<string> => (await nk.run(["logs", id])).stderr;
    expect(await logs("file")).toContain(`it goes to a file: tail -f ${dir}/out`);
    expect(await logs("null")).toContain("it is thrown away");
    expect(await logs("pipe")).toContain("through a pipe");
    await nk.run(["stop", "-t", "0", "file"]);
    expect(await logs("file")).toContain("it went to where the command");
  });
});
