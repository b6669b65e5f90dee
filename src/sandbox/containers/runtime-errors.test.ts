import { expect, it } from "vitest";
import { NkError } from "../../base/errors.ts";
import { inRuncsWords } from "./runtime-errors.ts";

it.each([
  [
    "executable file `x` not found in $PATH: No such file or directory",
    "x",
    'exec: "x": executable file not found in $PATH',
  ],
  [
    "executable file `/no` not found in $PATH: No such file or directory",
    "/no",
    'exec: "/no": stat /no: no such file or directory',
  ],
  ["open executable: Operation not permitted", "/bin", 'exec: "/bin": permission denied'],
  ["open executable: Permission denied", "/etc/passwd", 'exec: "/etc/passwd": permission denied'],
  [
    'runc create failed: unable to start container process: exec: "x": executable file not found in $PATH',
    "x",
    'exec: "x": executable file not found in $PATH',
  ],
])("says %j as runc does", (log, program, words) => {
  const error = inRuncsWords(new NkError("RUNTIME", "create failed", { log }), program);
  expect(error).toMatchObject({ code: "EXEC", message: `unable to start container process: ${words}` });
});

it("says other failures in the runtime's own words", () => {
  const error = new NkError("RUNTIME", "create failed", { log: "mount `proc` to `proc`: Invalid argument" });
  const told = inRuncsWords(error, "sh");
  expect(told).toMatchObject({
    code: "RUNTIME",
    message: "the runtime in the VM refused: mount `proc` to `proc`: Invalid argument",
  });
  expect(told.log).toBeUndefined();
});

it("hands back what is no failure of the runtime", () => {
  const error = new NkError("VMM", "the VM ended", { log: "words" });
  expect(inRuncsWords(error, "sh")).toBe(error);
});
