import { readFileSync, renameSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { asNkError } from "./errors.ts";
import { reasonOf } from "./system-error.ts";

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("system errors", () => {
  it("are told in words, with call and path", () => {
    const error = asNkError(thrownBy(() => readFileSync("/no/such")));
    expect(error).toMatchObject({
      code: "HOST",
      message: "cannot open /no/such: no such file or directory",
    });
  });

  it("name both paths of a rename", () => {
    expect(asNkError(thrownBy(() => renameSync("/no/a", "/no/b"))).message).toBe(
      "cannot rename /no/a to /no/b: no such file or directory",
    );
  });

  it("tell of a current folder that is gone", () => {
    const error = Object.assign(new Error("ENOENT"), { errno: -2, syscall: "uv_cwd" });
    expect(asNkError(error).message).toBe("cannot find the current folder: no such file or directory");
  });

  it("have a reason without the path", () => {
    expect(reasonOf(thrownBy(() => readFileSync("/tmp")))).toBe("illegal operation on a directory");
    expect(reasonOf(new Error("words"))).toBe("words");
  });
});
