import { spawn, type ChildProcess } from "node:child_process";
import { expect } from "vitest";
import type { Runtime } from "./runtime.ts";

const hello = { args: ["echo", "hello"] };
const expected = { code: 0, stdout: "hello\n", stderr: "" };

export async function oneAfterTheOther(runtime: Runtime, count: number): Promise<void> {
  const { dir } = await runtime.bundle(hello);
  for (let index = 0; index < count; index += 1) {
    expect(await runtime.runAgain(dir)).toEqual(expected);
  }
}

export async function atOnce(runtime: Runtime, count: number): Promise<void> {
  const { dir } = await runtime.bundle(hello);
  const runs = Array.from({ length: count }, () => runtime.runAgain(dir));
  expect(await Promise.all(runs)).toEqual(runs.map(() => expected));
}

/** Six processes that take all the time they can get, while `work` goes on. */
export async function besideBusyLoops(work: () => Promise<void>): Promise<void> {
  const loops: ChildProcess[] = Array.from({ length: 6 }, () =>
    spawn("sh", ["-c", "while :; do :; done"], { stdio: "ignore" }),
  );
  try {
    await work();
  } finally {
    for (const loop of loops) loop.kill("SIGKILL");
  }
}
