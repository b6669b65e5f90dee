import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { NkError } from "./errors.ts";
import { Logger } from "./logger.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-log-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

it("creates the file even when nothing is logged", () => {
  const file = join(dir, "log.json");
  new Logger({ file, format: "json", debug: false }).debug("unseen");
  expect(readFileSync(file, "utf8")).toBe("");
});

it("writes what containerd reads: one object with level, msg and time a line", () => {
  const file = join(dir, "log.json");
  const logger = new Logger({ file, format: "json", debug: true });
  logger.debug("a step");
  logger.error(new NkError("BOOT", 'it "failed"\nbadly', { phase: "boot" }));
  const [first, second] = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as object);
  expect(first).toMatchObject({ level: "debug", msg: "a step" });
  expect(second).toMatchObject({ level: "error", msg: 'it "failed"\nbadly', code: "BOOT", phase: "boot" });
  expect(second).toHaveProperty("time", expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/));
});

it("appends logrus text", () => {
  const file = join(dir, "log");
  new Logger({ file, format: "text", debug: false }).error(new NkError("HOST", "one"));
  new Logger({ file, format: "text", debug: false }).error(new NkError("HOST", "two"));
  expect(readFileSync(file, "utf8")).toMatch(
    /^time="[^"]+" level=error msg="one"\ntime="[^"]+" level=error msg="two"\n$/,
  );
});

it("names the remedy when the file cannot be written", () => {
  expect(() => new Logger({ file: join(dir, "no/such/log"), format: "text", debug: false })).toThrow(/--log/);
});
