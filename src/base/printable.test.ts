import { expect, it } from "vitest";
import { printable, printableLine } from "./printable.ts";

it.each([
  ["an escape sequence", "a\u001b[2Jb\u0007", "a\\x1b[2Jb\\x07"],
  ["C1 and DEL", "\u009b31m\u007f", "\\x9b31m\\x7f"],
  ["a carriage return", "safe\rrm", "safe\\x0drm"],
  ["a change of direction", "a\u202eb\u2066", "a\\u202eb\\u2066"],
])("%s is shown, not obeyed", (_what, text, shown) => expect(printable(text)).toBe(shown));

it("leaves text in any script, newlines and tabs alone", () => {
  expect(printable("größe\tמה\n日本 👍")).toBe("größe\tמה\n日本 👍");
  expect(printableLine("one\ntwo")).toBe("one\\ntwo");
});
