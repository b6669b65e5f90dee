import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { features } from "../../src/oci/features.ts";
import { Runtime } from "./runtime.ts";

let runtime: Runtime;
let source: string;

beforeAll(() => {
  runtime = new Runtime();
  source = mkdtempSync(join(tmpdir(), "nk-source-"));
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
  rmSync(source, { recursive: true });
});

/** What mountinfo says of a bind mount with the option. */
const HELD: Readonly<Record<string, RegExp>> = {
  rro: /^ro,/,
  rrw: /^rw,/,
  rnosuid: /nosuid/,
  rnodev: /nodev/,
  rnoexec: /noexec/,
};
const IS_RECURSIVE = /^r(?:ro|rw|(?:no)?(?:dev|exec|suid|relatime)|symfollow)$/;

it("has the recursive options that features lists, and copies into a tmpfs", async () => {
  const { mountOptions } = features("1.0.0") as { mountOptions: string[] };
  const options = mountOptions.filter((option) => IS_RECURSIVE.test(option));
  expect(options).toEqual(expect.arrayContaining(Object.keys(HELD)));
  const binds = options.map((option) => ({
    destination: `/m/${option}`,
    type: "bind",
    source,
    options: ["rbind", option],
  }));
  const copied = { destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] };
  const { code, stdout, stderr } = await runtime.run({
    args: ["sh", "-c", "cat /data/file; grep ' /m/' /proc/self/mountinfo | cut -d ' ' -f 5,6"],
    files: { "/data/file": "copied\n" },
    mounts: [...binds, copied],
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const [first, ...lines] = stdout.trim().split("\n");
  expect(first).toBe("copied");
  const found = new Map(lines.map((line) => line.split(" ") as [string, string]));
  expect([...found.keys()].sort()).toEqual(options.map((option) => `/m/${option}`).sort());
  for (const [option, pattern] of Object.entries(HELD)) expect(found.get(`/m/${option}`)).toMatch(pattern);
});
