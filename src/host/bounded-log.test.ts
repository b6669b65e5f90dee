import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BoundedLog } from "./bounded-log.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-log-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("never takes more than twice its limit and keeps the newest bytes", () => {
  const log = new BoundedLog(join(dir, "x.log"), 100);
  for (let i = 0; i < 50; i += 1) log.write(Buffer.from(`line ${i}\n`));
  log.write(Buffer.from("z".repeat(1000)));
  log.write(Buffer.from("end\n"));
  log.close();
  expect(readdirSync(dir).toSorted()).toEqual(["x.log", "x.log.1"]);
  for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).size).toBeLessThanOrEqual(100);
  expect(log.tail()).toBe("end");
});

test("goes on where an earlier one ended, and writes nothing once closed", () => {
  const path = join(dir, "x.log");
  for (const text of ["a", "b"]) {
    const log = new BoundedLog(path);
    log.write(Buffer.from(text));
    log.close();
    log.close();
    log.write(Buffer.from("lost"));
  }
  expect(readFileSync(path, "utf8")).toBe("ab");
});
