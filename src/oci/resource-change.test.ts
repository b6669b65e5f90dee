import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { changed, changeFromFile, changeFromFlags } from "./resource-change.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-change-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const fromFlags = (flags: Record<string, string>) => changeFromFlags((name) => flags[name]);

function fromFile(text: string) {
  const path = join(dir, "resources.json");
  writeFileSync(path, text);
  return changeFromFile(path);
}

it("reads flags", () => {
  const flags = {
    memory: "64m",
    "memory-swap": "-1",
    "cpu-quota": "-1",
    "cpu-period": "1000",
    "cpu-share": "512",
    "cpuset-cpus": "0-1",
    "pids-limit": "7",
    "blkio-weight": "10",
  };
  expect(fromFlags(flags)).toEqual({
    memory: { limit: 64n * 1024n ** 2n, swap: -1n },
    cpu: { quota: -1n, period: 1000n, shares: 512n, cpus: "0-1" },
    pids: { limit: 7n },
    blockIO: { weight: 10n },
  });
});

it.each([[{}], [{ memory: "0", "pids-limit": "0", "cpuset-cpus": "" }]])(
  "takes %j for no change",
  (flags) => {
    expect(fromFlags(flags)).toEqual({});
  },
);

it.each<[Record<string, string>, string]>([
  [{ memory: "bad" }, "invalid value for memory: invalid size: 'bad'"],
  [{ memory: "-2" }, "invalid value for memory"],
  [{ "cpu-quota": "12b" }, 'invalid value for cpu-quota: parsing "12b": invalid syntax'],
  [{ "cpu-period": "-1" }, "invalid value for cpu-period"],
])("refuses %j in runc's words", (flags, words) => {
  expect(() => fromFlags(flags)).toThrow(words);
});

it("reads a file, without devices and what is 0", () => {
  const text =
    '{"memory":{"limit":9223372036854775807,"swap":0},"pids":{"limit":null},"cpu":null,"devices":[{"allow":true}]}';
  expect(fromFile(text)).toEqual({ memory: { limit: 2n ** 63n - 1n } });
});

it.each([
  ["{bad", /resources\.json:1:2: not valid JSON/],
  ["[]", /expected a JSON object/],
  ['{"memory":{"limit":"1"}}', /memory\.limit: expected/],
  ['{"cpu":{"period":-1}}', /cpu\.period: expected/],
])("refuses the file %s", (text, message) => {
  expect(() => fromFile(text)).toThrow(message);
});

it("says which file cannot be read", () => {
  expect(() => changeFromFile("/no/such")).toThrow("--resources: cannot read /no/such: no such file");
});

it("changes what is named, and nothing else", () => {
  const before = { cpu: { quota: 1, shares: 2 }, pids: { limit: 3 } };
  expect(changed(before, { cpu: { quota: 5 }, memory: { limit: 6 } })).toEqual({
    cpu: { quota: 5, shares: 2 },
    pids: { limit: 3 },
    memory: { limit: 6 },
  });
});
