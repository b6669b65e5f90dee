import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { callersLimits, callersOpenFiles } from "./callers-limits.ts";

const TEXT = `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max stack size            8388608              unlimited            bytes     
Max open files            20000                1048576              files     
Max nice priority         0                    0                    
`;

it("reads what the kernel says, unlimited as 2^64-1", () => {
  expect(callersLimits(TEXT, undefined)).toEqual([
    { type: "RLIMIT_CPU", soft: 18_446_744_073_709_551_615n, hard: 18_446_744_073_709_551_615n },
    { type: "RLIMIT_STACK", soft: 8_388_608, hard: 18_446_744_073_709_551_615n },
    { type: "RLIMIT_NOFILE", soft: 20_000, hard: 1_048_576 },
    { type: "RLIMIT_NICE", soft: 0, hard: 0 },
  ]);
});

it("has the caller's soft limit of open files, which is not node's", () => {
  expect(callersLimits(TEXT, 1024)).toContainEqual({ type: "RLIMIT_NOFILE", soft: 1024, hard: 1_048_576 });
});

it("knows all limits of this kernel", () => {
  const lines = readFileSync("/proc/self/limits", "utf8").trim().split("\n").slice(1);
  expect(callersLimits()).toHaveLength(lines.length);
});

it.each([
  ["1024", 1024],
  ["unlimited", undefined],
  ["", undefined],
  [undefined, undefined],
  ["1; reboot", undefined],
])("takes NK_CALLERS_NOFILE=%s for %s", (text, files) => {
  expect(callersOpenFiles({ NK_CALLERS_NOFILE: text })).toBe(files);
});
