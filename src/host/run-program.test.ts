import { expect, it } from "vitest";
import { firstLine, runProgram, versionIn } from "./run-program.ts";

it("tells what a program said and how it ended", async () => {
  expect(await runProgram("sh", ["-c", "echo out; echo err >&2; exit 3"])).toEqual({
    code: 3,
    output: "out\nerr\n",
  });
  expect(await runProgram("true", [])).toEqual({ code: 0, output: "" });
});

it("does not throw when there is no such program", async () => {
  const { code, output } = await runProgram("/nonexistent", []);
  expect(code).toBeUndefined();
  expect(output).toContain("ENOENT");
});

it("finds line and version", () => {
  expect(firstLine("\n a b\nc")).toBe("a b");
  expect(versionIn("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg)")).toBe("7.2.22");
  expect(versionIn("none")).toBe("");
});
