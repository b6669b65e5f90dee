import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { sha256, type Runtime } from "./runtime.ts";

/** Streams and exit statuses of a command, and of an exec in the running container `id`. */

/** @param args of a command that runs `cat` in a container */
export async function givesBack(runtime: Runtime, args: string[], sizeMib: number): Promise<void> {
  const data = randomBytes(sizeMib * 1024 * 1024);
  const child = runtime.spawn(args);
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stdin?.on("error", () => {}); // a command that has failed says why by its status
  child.stdin?.end(data);
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  expect(sha256(Buffer.concat(chunks))).toBe(sha256(data));
}

export async function keepsApart(runtime: Runtime, id: string): Promise<void> {
  const result = await runtime.call(["exec", id, "sh", "-c", "echo out; echo err >&2; echo out2"]);
  expect(result).toEqual({ code: 0, stdout: "out\nout2\n", stderr: "err\n" });
}

export async function endsReader(runtime: Runtime, id: string): Promise<void> {
  const result = await runtime.call(["exec", id, "sh", "-c", "cat; echo end"]);
  expect(result).toEqual({ code: 0, stdout: "end\n", stderr: "" });
}

export async function passesStatuses(runtime: Runtime, id: string): Promise<void> {
  const scripts = ["exit 0", "exit 7", "exit 255", "kill -9 $$"];
  const codes: (number | null)[] = [];
  for (const script of scripts) codes.push((await runtime.call(["exec", id, "sh", "-c", script])).code);
  expect(codes).toEqual([0, 7, 255, 137]);
}
