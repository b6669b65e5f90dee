import { afterAll, beforeAll, expect, it } from "vitest";
import { loseNoLine } from "./short-execs.ts";
import { Runtime } from "./runtime.ts";
import { endsReader, givesBack, keepsApart, passesStatuses } from "./streams.ts";
import { scaled } from "../fixtures/scaled.ts";

let runtime: Runtime;
let id: string;

beforeAll(async () => {
  runtime = new Runtime();
  id = await runtime.background();
});

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

it("gives back 64 MiB of random bytes unchanged through a container's cat", async () => {
  const { dir } = await runtime.bundle({ args: ["cat"] });
  await givesBack(runtime, ["run", "--mode=vm", "--bundle", dir, runtime.id()], 64);
});

it("gives back 8 MiB through exec", () => givesBack(runtime, ["exec", id, "cat"], 8));
it("keeps standard output and standard error apart", () => keepsApart(runtime, id));
it("ends a reader whose standard input is closed", () => endsReader(runtime, id));

it("gives SIGPIPE to a writer whose reader is gone", async () => {
  const child = runtime.spawn(["exec", id, "sh", "-c", "yes; echo $? >/tmp/yes-status"]);
  child.stdout?.once("data", () => child.stdout?.destroy());
  await new Promise((resolve) => child.on("close", resolve));
  expect(await runtime.ok(["exec", id, "cat", "/tmp/yes-status"])).toBe("141\n");
});

it("exec ends with the process's status, 128 + n for signal n", () => passesStatuses(runtime, id));

it("loses no line of many short execs", { timeout: scaled(300_000) }, async () => {
  await loseNoLine(runtime, id, 100);
});
