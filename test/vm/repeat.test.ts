import { spawn, type ChildProcess } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Runtime } from "./runtime.ts";

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

const hello = { args: ["echo", "hello"] };
const expected = { code: 0, stdout: "hello\n", stderr: "" };

async function oneAfterTheOther(count: number): Promise<void> {
  const { dir } = await runtime.bundle(hello);
  for (let index = 0; index < count; index += 1) {
    expect(await runtime.call(["run", "--mode=vm", "--bundle", dir, runtime.id()])).toEqual(expected);
  }
}

async function atOnce(count: number): Promise<void> {
  const { dir } = await runtime.bundle(hello);
  const runs = Array.from({ length: count }, () =>
    runtime.call(["run", "--mode=vm", "--bundle", dir, runtime.id()]),
  );
  expect(await Promise.all(runs)).toEqual(runs.map(() => expected));
}

describe("on an idle machine", () => {
  it("runs 25 containers one after the other", { timeout: 300_000 }, () => oneAfterTheOther(25));
  it("runs 10 containers at once", { timeout: 300_000 }, () => atOnce(10));
});

describe("beside six busy loops", () => {
  let loops: ChildProcess[] = [];

  beforeEach(() => {
    loops = Array.from({ length: 6 }, () => spawn("sh", ["-c", "while :; do :; done"], { stdio: "ignore" }));
  });

  afterEach(() => {
    for (const loop of loops) loop.kill("SIGKILL");
  });

  it("runs 25 containers one after the other", { timeout: 600_000 }, () => oneAfterTheOther(25));
  it("runs 10 containers at once", { timeout: 600_000 }, () => atOnce(10));
});
