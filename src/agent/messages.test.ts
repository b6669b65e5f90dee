import { describe, expect, it } from "vitest";
import { exitStatus, list, parseEvent, plain, waitStatus, type ExitEvent } from "./messages.ts";

function exit(members: Record<string, unknown>): ExitEvent {
  const event = parseEvent({ event: "exit", code: 0, signal: 0, ...members });
  if (event?.event !== "exit") throw new Error("not taken for an exit");
  return event;
}

describe("parseEvent", () => {
  it("keeps what a well-behaved agent says", () => {
    const event = { event: "exit", id: "c1", session: "", code: 7, signal: 0, oom: true, timeUs: 5_000_000 };
    expect(parseEvent({ ...event, colour: "blue" })).toEqual(event);
  });

  it("gives a harmless value to a member that is missing or of another type", () => {
    expect(exit({ id: 17, oom: 1, timeUs: 2 ** 60 })).toEqual({
      event: "exit",
      id: "",
      session: "",
      code: 0,
      signal: 0,
      oom: false,
      timeUs: 0,
    });
    expect(parseEvent({ event: "hello", features: "all" })).toMatchObject({ protocol: 0, features: [] });
  });

  it("makes texts harmless for a terminal", () => {
    const [agent, kernel] = ["\u001b]0;x\u0007", "6.1\u009b2J"];
    expect(parseEvent({ event: "hello", agent, kernel })).toMatchObject({
      agent: "\\x1b]0;x\\x07",
      kernel: "6.1\\x9b2J",
    });
  });

  it("cuts texts to 4 KiB and lists to 4096 members", () => {
    const message = "x".repeat(10_000);
    expect(parseEvent({ event: "log", level: "info", message })).toMatchObject({ message: "x".repeat(4096) });
    expect(list(Array.from({ length: 5000 }, () => 0))).toHaveLength(4096);
  });

  it.each([
    { code: -1 },
    { code: 256 },
    { code: 1e99 },
    { code: "7" },
    { code: 0.5 },
    { code: null },
    { signal: 128 },
    { signal: -9 },
  ])("takes no exit status out of %j: it would pass for success", (members) => {
    expect(() => exit(members)).toThrow(expect.objectContaining({ code: "PROTOCOL" }));
  });

  it.each([{}, { event: "party" }, { event: 1 }])("knows no event in %j", (message) => {
    expect(parseEvent(message)).toBeUndefined();
  });
});

it("tells a signal from a code, as wait(2) and as a shell does", () => {
  expect([waitStatus(exit({ code: 7 })), exitStatus(exit({ code: 7 }))]).toEqual([7 << 8, 7]);
  expect([waitStatus(exit({ signal: 9 })), exitStatus(exit({ signal: 9 }))]).toEqual([9, 137]);
});

it("copies an answer's member to a bounded depth and size", () => {
  const deep: unknown = JSON.parse(`${"[".repeat(100_000)}1${"]".repeat(100_000)}`);
  expect(JSON.stringify(plain({ deep, n: 1, text: "x".repeat(5000) }))).toHaveLength(4131);
  expect(plain(Array.from({ length: 1000 }, () => 0))).toHaveLength(256);
  const polluting: unknown = JSON.parse('{"__proto__":{"polluted":1}}');
  expect(plain(polluting)).not.toHaveProperty("polluted");
});
