import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bundle, dir, nk, script, useHostMode } from "./host-mode-rig.ts";

useHostMode();

describe("the command line", () => {
  it.each<[string[], number, RegExp]>([
    [["frobnicate"], 3, /^nk-runtime: unknown command "frobnicate" \(nk-runtime --help\)\n$/],
    [["creat", "c1"], 3, /did you mean create\?/],
    ...["checkpoint", "restore"].flatMap((name): [string[], number, RegExp][] => [
      [[name, "--image-path", "/x", "c1"], 1, /^nk-runtime: containers cannot be (checkpointed|restored)/],
      // podman decides by this.
      [[name, "--help"], 1, /cannot be/],
      [[name, "-h"], 1, /cannot be/],
      [["help", name], 1, /cannot be/],
    ]),
    [
      ["create", "--bundel=x", "c1"],
      1,
      /^nk-runtime: create: unknown option --bundel: did you mean --bundle\?/,
    ],
    [["start"], 1, /^nk-runtime: start: expected ID, found nothing/],
    [["start", "a", "b"], 1, /start: expected ID, found "a" "b"/],
    [["create", "-b", "/no/such", "c1"], 1, /no such bundle folder: \/no\/such/],
    [["create", "--mode=jail", "c1"], 1, /--mode: expected container or vm, found "jail"/],
    [["create", "a/b"], 1, /invalid container ID format/],
    [["kill", "c1", "NOSUCH"], 1, /unknown signal "NOSUCH"/],
    [["state", "none"], 1, /container does not exist/],
  ])("refuses %j in one line", async (words, code, message) => {
    const outcome = await nk.run(words);
    expect(outcome).toMatchObject({ code, stdout: "" });
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr.trim()).not.toContain("\n");
  });

  // What podman, conmon, go-runc, buildah and CRI-O put before the command.
  it.each([
    [["--log-format=json", "--log", "log.json", "--systemd-cgroup"]],
    [["--log-format", "json", "-log=log.json", "--debug=false", "--rootless=true", "--criu", "criu"]],
    [["--cgroup-manager", "disabled", "--rootless", "auto", "--criu=criu", "--systemd-cgroup=false"]],
  ])("takes %j", async (words) => {
    const log = (word: string): string => word.replace("log.json", join(dir, "log.json"));
    expect(await nk.run([...words.map(log), "list", "-q"])).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "",
    });
  });

  it.each([["help"], ["h"], ["--help"], ["-h"]])("%s prints the help", async (word) => {
    const all = await nk.run([word]);
    expect(all).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringContaining("Commands:") as string,
    });
    if (!word.startsWith("-"))
      expect((await nk.run([word, "state"])).stdout).toBe(
        (await nk.run(["state", word === "h" ? "-h" : "--help"])).stdout,
      );
  });

  it("takes global options on both sides of the command", async () => {
    const log = join(dir, "log");
    expect((await nk.run(["state", "--log", log, "none"])).code).toBe(1);
    expect(readFileSync(log, "utf8")).toMatch(/level=error msg="container does not exist/);
  });

  it("takes settings before any command", async () => {
    const words = ["--mode=container", "--host-runtime=/none", "run", "-b", await script("true"), "c1"];
    const { stderr } = await nk.run(words);
    expect(stderr).toContain("no such runtime for container mode: /none");
    expect(await nk.run(["--mode=vm", "list", "-q"])).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });

  it("creates the log even when nothing fails", async () => {
    const log = join(dir, "log.json");
    await nk.run(["--log", log, "--log-format", "json", "--systemd-cgroup", "list"]);
    expect(readFileSync(log, "utf8")).toBe("");
  });

  it("explains every step with --educational", async () => {
    const { stderr } = await nk.run(["--educational", "run", "-b", await script("true"), "c1"]);
    expect(stderr).toContain("read the bundle");
    expect(stderr).toMatch(/runc run/);
  });

  it("works in the environment that podman gives: none", async () => {
    const outcome = await nk.run(["run", "-b", await script("exit 2"), "c1"], {
      env: { PATH: undefined as unknown as string, HOME: undefined as unknown as string },
    });
    expect(outcome.code).toBe(2);
  });
});

describe("spec and features", () => {
  it("writes a config.json that its own checks take, once", async () => {
    const made = await bundle({});
    const words = ["spec", "--bundle", made];
    expect((await nk.run(words)).stderr).toContain("exists: remove it first");
    rmSync(join(made, "config.json"));
    expect(await nk.run(words)).toMatchObject({ code: 0, stdout: "", stderr: "" });
    const config = JSON.parse(readFileSync(join(made, "config.json"), "utf8")) as {
      process: { args: string[] };
    };
    expect(config.process.args).toEqual(["sh"]);
    writeFileSync(
      join(made, "config.json"),
      JSON.stringify({ ...config, process: { ...config.process, terminal: false } }),
    );
    expect((await nk.run(["run", "-b", made, "c1"], { input: "exit 3" })).code).toBe(3);
  });

  it("prints features as the specification wants them", async () => {
    const features = JSON.parse((await nk.run(["features"])).stdout) as Record<string, unknown>;
    expect(features).toMatchObject({
      ociVersionMin: "1.0.0",
      hooks: expect.arrayContaining(["poststop"]) as string[],
    });
  });

  it("prints the version in runc's form", async () => {
    expect((await nk.run(["--version"])).stdout).toMatch(
      /^nk-runtime version \d+\.\d+\.\d+\nspec: \d+\.\d+\.\d+\n/,
    );
  });
});
