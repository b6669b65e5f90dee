import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { afterEach, beforeEach, expect, test } from "vitest";
import { publishSpan, traced } from "./channels.ts";
import type { Span } from "./channels.ts";
import { installRecorder } from "./recorder.ts";
import { formatSpanLine, parseSpanLine } from "./span-line.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-trace-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const span: Span = {
  actor: "monitor",
  name: "boot",
  startNs: 2n ** 60n,
  endNs: 2n ** 60n + 1n,
  why: "so that there is a VM",
  what: 'qemu -M "microvm"\nsecond line',
};

function recorded(path: string): (Span | undefined)[] {
  return readFileSync(path, "utf8").trimEnd().split("\n").map(parseSpanLine);
}

test("a span survives the way through its line, nanoseconds exactly", () => {
  const line = formatSpanLine(span);
  expect(line).not.toContain("\n");
  expect(parseSpanLine(line)).toEqual(span);
});

test.each([
  "",
  "{",
  "null",
  "[]",
  '{"actor":"cli"}',
  formatSpanLine(span).slice(0, 40),
  '{"actor":"cli","name":"x","startNs":1,"endNs":2}',
])("no span: %s", (line) => expect(parseSpanLine(line)).toBeUndefined());

test("an actor that does not exist is no span", () => {
  expect(parseSpanLine(formatSpanLine(span).replace("monitor", "nobody"))).toBeUndefined();
});

test("a request as long as a whole config.json is cut", () => {
  const line = formatSpanLine({ ...span, what: "x".repeat(4_000_000) });
  expect(line.length).toBeLessThan(5000);
  expect(parseSpanLine(line)?.what).toContain("4000000 characters");
});

test("records all spans in order, and a step that failed with its error", async () => {
  const path = join(dir, "trace.jsonl");
  const recorder = installRecorder(path);
  for (let index = 0; index < 150; index += 1) publishSpan({ ...span, name: String(index) });
  await expect(traced("agent", "mount", {}, () => Promise.reject(new Error("EIO")))).rejects.toThrow("EIO");
  recorder.close();
  publishSpan({ ...span, name: "after close" });
  const spans = recorded(path);
  expect(spans.slice(0, 150).map((one) => one?.name)).toEqual(
    Array.from({ length: 150 }, (_, index) => String(index)),
  );
  expect(spans[150]).toMatchObject({ actor: "agent", name: "mount", error: "EIO" });
  expect(spans).toHaveLength(151);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("several processes append to one file, and each flushes when it exits by itself", () => {
  const path = join(dir, "trace.jsonl");
  const script = `
    const { installRecorder } = await import("./recorder.ts");
    const { publishSpan } = await import("./channels.ts");
    installRecorder(${JSON.stringify(path)});
    for (let i = 0; i < 10; i += 1) publishSpan({ actor: "cli", name: process.argv[1], startNs: 1n, endNs: 2n });
    process.exit(0);`;
  const bundled = bundle(script);
  for (const name of ["one", "two"])
    execFileSync(process.execPath, ["--input-type=module", "-e", bundled, name]);
  expect(recorded(path).map((one) => one?.name)).toEqual([
    ...Array(10).fill("one"),
    ...Array(10).fill("two"),
  ]);
});

test("spans reach the file while the process goes on", async () => {
  const path = join(dir, "trace.jsonl");
  const recorder = installRecorder(path);
  publishSpan(span);
  expect(readFileSync(path, "utf8")).toBe("");
  recorder.flush();
  expect(recorded(path)).toEqual([span]);
  recorder.close();
});

test("a trace that is full takes no more", () => {
  const path = join(dir, "trace.jsonl");
  const recorder = installRecorder(path);
  for (let index = 0; index < 3_000; index += 1) publishSpan({ ...span, what: "x".repeat(4000) });
  recorder.close();
  expect(statSync(path).size).toBeLessThanOrEqual(8 * 1024 * 1024);
  expect(recorded(path).at(-1)).toMatchObject({ name: "boot" });
});

test("a path that cannot be written is an error at once", () => {
  expect(() => installRecorder(join(dir, "missing", "trace.jsonl"))).toThrow("ENOENT");
});

/** A program as one text, the way the product is bundled: Node 20 does not run TypeScript. */
function bundle(contents: string): string {
  const { outputFiles } = buildSync({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
  });
  return outputFiles[0]?.text ?? "";
}
