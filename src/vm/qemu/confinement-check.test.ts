import { expect, test } from "vitest";
import { judge } from "./confinement-check.ts";

const LINES = [
  "Uid:\t2000000123\t2000000123\t2000000123\t2000000123",
  "CapPrm:\t0000000000000000",
  "CapEff:\t0000000000000000",
  "CapBnd:\t0000000000000000",
  "NoNewPrivs:\t1",
  "Seccomp:\t2",
  "Network:\tnet:[4026532000]",
];

const judged = (lines: readonly string[]): ReturnType<typeof judge> =>
  judge(lines.join("\n"), 2_000_000_123, "net:[4026531840]");

test("a program that may do nothing is as it should be", () => {
  expect(judged(LINES)).toMatchObject({ status: "ok" });
});

test.each([
  [0, "Uid:\t0\t0\t0\t0", "a user of its own"],
  [1, "CapPrm:\t0000000000000002", "an empty CapPrm"],
  [2, "CapEff:\t0000000000000002", "an empty CapEff"],
  [3, "CapBnd:\t000001ffffffffff", "an empty CapBnd"],
  [4, "NoNewPrivs:\t0", "no_new_privs"],
  [5, "Seccomp:\t0", "a filter of system calls"],
  [6, "Network:\tnet:[4026531840]", "an empty network namespace"],
])("line %d as %j is told of", (index, line, what) => {
  expect(judged(LINES.with(index, line))).toMatchObject({
    status: "fail",
    found: `QEMU would be without ${what}`,
  });
  expect(judged(LINES.filter((_, at) => at !== index)).status).toBe("fail");
});
