import { expect, test } from "vitest";
import { parseSignal, signalName } from "./signals.ts";

test.each([
  ["0", 0],
  ["9", 9],
  ["KILL", 9],
  ["SIGKILL", 9],
  ["sigterm", 15],
  ["WINCH", 28],
  ["RTMIN", 34],
  ["RTMIN+1", 35],
  ["SIGRTMAX-2", 62],
  ["33", 33],
  ["64", 64],
])("parses %s as %d", (text, number) => {
  expect(parseSignal(text)).toBe(number);
});

test.each(["65", "", "SIG", "NOPE", "-9", "9x", "RTMIN-1", "RTMIN+31", "RTMAX+1", "SIGSIGKILL"])(
  "refuses %j with runc's words",
  (text) => {
    expect(() => parseSignal(text)).toThrow(`unknown signal "${text}"`);
  },
);

test("names signals", () => {
  expect([1, 9, 34, 37, 64, 33].map(signalName)).toEqual([
    "SIGHUP",
    "SIGKILL",
    "SIGRTMIN",
    "SIGRTMIN+3",
    "SIGRTMIN+30",
    "33",
  ]);
});
