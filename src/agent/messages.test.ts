import { describe, expect, it } from "vitest";
import { exitStatus, list, parseEvent, waitStatus, type ExitEvent } from "./messages.ts";

function exit(members: Record<string, unknown>): ExitEvent {
  const event = parseEvent({ event: "exit", ...members });
  if (event?.event !== "exit") throw new Error("not taken for an exit");
  return event;
}

describe("parseEvent", () => {
  it("keeps what a well-behaved agent says", () => {
    const event = { event: "exit", id: "c1", session: "", code: 7, signal: 0, oom: true, timeUs: 5_000_000 };
    expect(parseEvent({ ...event, colour: "blue" })).toEqual(event);
  });

  it("gives a harmless value to a member that is missing or of another type", () => {
    expect(exit({ id: 17, code: "7", signal: -1, oom: 1, timeUs: 2 ** 60 })).toEqual({
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

  it("cuts texts to 4 KiB and lists to 4096 members", () => {
    const message = "x".repeat(10_000);
    expect(parseEvent({ event: "log", level: "info", message })).toMatchObject({ message: "x".repeat(4096) });
    expect(list(Array.from({ length: 5000 }, () => 0))).toHaveLength(4096);
  });

  it("keeps code and signal in the bounds of a wait status", () => {
    expect(exit({ code: 0x1ff, signal: 0xff })).toMatchObject({ code: 0xff, signal: 0x7f });
  });

  it.each([{}, { event: "party" }, { event: 1 }])("knows no event in %j", (message) => {
    expect(parseEvent(message)).toBeUndefined();
  });
});

it("tells a signal from a code, as wait(2) and as a shell does", () => {
  expect([waitStatus(exit({ code: 7 })), exitStatus(exit({ code: 7 }))]).toEqual([7 << 8, 7]);
  expect([waitStatus(exit({ signal: 9 })), exitStatus(exit({ signal: 9 }))]).toEqual([9, 137]);
});
