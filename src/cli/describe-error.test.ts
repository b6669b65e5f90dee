import { expect, it } from "vitest";
import { NkError } from "../base/errors.ts";
import { describeError } from "./describe-error.ts";

it("is one line when there is nothing more to say", () => {
  expect(describeError(new NkError("INTERNAL", "first\n  second\n"))).toBe("nk-runtime: first; second");
});

it("adds the phase, the end of the log and where to look", () => {
  const log = Array.from({ length: 20 }, (_, index) => `line ${index}`).join("\n");
  const lines = describeError(
    new NkError("BOOT", "no hello", { phase: "boot", log, see: "/x/console.log" }),
  ).split("\n");
  expect(lines[0]).toBe("nk-runtime: no hello (during: boot)");
  expect(lines[1]).toBe("  | line 8");
  expect(lines.at(-2)).toBe("  | line 19");
  expect(lines.at(-1)).toBe("  see: /x/console.log");
});

it("does not let a guest's words drive the terminal", () => {
  const error = new NkError("RUNTIME", "no\u001b[2J", { log: "x\ry\u009bA", phase: "\u0007" });
  expect(describeError(error)).toBe("nk-runtime: no\\x1b[2J (during: \\x07)\n  | x\\x0dy\\x9bA");
});
