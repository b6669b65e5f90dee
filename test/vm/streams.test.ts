import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loseNoLine } from "./short-execs.ts";
import { Runtime, sha256 } from "./runtime.ts";

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
  const data = randomBytes(64 * 1024 * 1024);
  const { dir } = await runtime.bundle({ args: ["cat"] });
  const child = runtime.spawn(["run", "--mode=vm", "--bundle", dir, runtime.id()]);
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stdin?.end(data);
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  expect(sha256(Buffer.concat(chunks))).toBe(sha256(data));
});

it("gives back 8 MiB through exec", async () => {
  const data = randomBytes(8 * 1024 * 1024);
  const child = runtime.spawn(["exec", id, "cat"]);
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stdin?.end(data);
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  expect(sha256(Buffer.concat(chunks))).toBe(sha256(data));
});

it("keeps standard output and standard error apart", async () => {
  const result = await runtime.call(["exec", id, "sh", "-c", "echo out; echo err >&2; echo out2"]);
  expect(result).toEqual({ code: 0, stdout: "out\nout2\n", stderr: "err\n" });
});

it("ends a reader whose standard input is closed", async () => {
  const result = await runtime.call(["exec", id, "sh", "-c", "cat; echo end"]);
  expect(result).toEqual({ code: 0, stdout: "end\n", stderr: "" });
});

it("gives SIGPIPE to a writer whose reader is gone", async () => {
  const child = runtime.spawn(["exec", id, "sh", "-c", "yes; echo $? >/tmp/yes-status"]);
  child.stdout?.once("data", () => child.stdout?.destroy());
  await new Promise((resolve) => child.on("close", resolve));
  expect(await runtime.ok(["exec", id, "cat", "/tmp/yes-status"])).toBe("141\n");
});

it.each([
  ["0", 0],
  ["7", 7],
  ["255", 255],
])("exec ends with the status of exit %s", async (status, code) => {
  expect((await runtime.call(["exec", id, "sh", "-c", `exit ${status}`])).code).toBe(code);
});

it("exec ends with 128 + n for signal n", async () => {
  expect((await runtime.call(["exec", id, "sh", "-c", "kill -9 $$"])).code).toBe(137);
});

it("loses no line of many short execs", { timeout: 300_000 }, async () => {
  await loseNoLine(runtime, id, 200);
});
