import { Duplex, PassThrough } from "node:stream";
import { beforeEach, describe, expect, test } from "vitest";
import { Deadline } from "../../base/deadline.ts";
import { QmpClient, type QmpEvent } from "./qmp-client.ts";

const GREETING = '{"QMP":{"version":{"qemu":{"major":7,"minor":2,"micro":22}},"capabilities":["oob"]}}\r\n';
const soon = (): Deadline => Deadline.after(1000);

let toClient: PassThrough;
let toQemu: PassThrough;
let events: QmpEvent[];
let client: QmpClient;

beforeEach(() => {
  toClient = new PassThrough();
  toQemu = new PassThrough();
  events = [];
  client = new QmpClient(Duplex.from({ readable: toClient, writable: toQemu }), (event) =>
    events.push(event),
  );
});

/** Answers each request with what `reply` makes of it, cut into pieces of `size` bytes. */
function serve(reply: (request: { execute: string; id: number }) => object, size = 1000): void {
  toQemu.on("data", (chunk: Buffer) => {
    for (const line of chunk.toString().trim().split("\n")) {
      const answer = `${JSON.stringify(reply(JSON.parse(line) as { execute: string; id: number }))}\r\n`;
      for (let at = 0; at < answer.length; at += size) toClient.write(answer.slice(at, at + size));
    }
  });
}

describe("negotiate", () => {
  test("returns the version and leaves capabilities negotiation", async () => {
    const asked: string[] = [];
    serve(({ execute, id }) => {
      asked.push(execute);
      return { return: {}, id };
    });
    toClient.write(GREETING);
    expect(await client.negotiate(soon())).toBe("7.2.22");
    expect(asked).toEqual(["qmp_capabilities"]);
  });

  test("fails when QEMU closes before its greeting", async () => {
    toClient.end();
    await expect(client.negotiate(soon())).rejects.toMatchObject({ code: "VMM", phase: "QMP" });
  });
});

describe("execute", () => {
  test("matches answers by id in any order, whatever the pieces they come in", async () => {
    const ids: number[] = [];
    toQemu.on("data", (chunk: Buffer) => {
      for (const line of chunk.toString().trim().split("\n"))
        ids.push((JSON.parse(line) as { id: number }).id);
      if (ids.length < 2) return;
      for (const byte of ids
        .toReversed()
        .map((id) => `{"return":${id},"id":${id}}\n`)
        .join(""))
        toClient.write(byte);
    });
    const both = [client.execute("a", undefined, soon()), client.execute("b", { x: 1 }, soon())];
    expect(await Promise.all(both)).toEqual([1, 2]);
  });

  test("throws QEMU's own words", async () => {
    serve(({ id }) => ({ error: { class: "GenericError", desc: "no such device" }, id }));
    await expect(client.execute("device_del", { id: "x" }, soon())).rejects.toThrow(
      "QEMU refused device_del: no such device",
    );
  });

  test("ends at its deadline, and a late answer is dropped", async () => {
    await expect(client.execute("slow", undefined, Deadline.after(20))).rejects.toMatchObject({
      code: "TIMEOUT",
    });
    toClient.write('{"return":{},"id":1}\n');
    serve(({ id }) => ({ return: "fresh", id }));
    expect(await client.execute("next", undefined, soon())).toBe("fresh");
  });

  test("fails when the connection ends, and from then on", async () => {
    const waiting = client.execute("quit", undefined, soon());
    toClient.end();
    await expect(waiting).rejects.toMatchObject({ code: "VMM" });
    await expect(client.execute("quit", undefined, soon())).rejects.toMatchObject({ code: "VMM" });
  });
});

test("passes events on, with or without data", async () => {
  serve(({ id }) => ({ return: {}, id }));
  toClient.write('{"event":"STOP"}\n{"event":"SHUTDOWN","data":{"reason":"guest-reset"}}\n');
  await client.execute("x", undefined, soon());
  expect(events).toEqual([
    { event: "STOP", data: {} },
    { event: "SHUTDOWN", data: { reason: "guest-reset" } },
  ]);
});

test.each([
  ["no JSON", "hello\n"],
  ["no object", "[1]\n"],
  ["a line without end", "x".repeat(1024 * 1024 + 1)],
])("gives the connection up on %s", async (_, text) => {
  const waiting = client.execute("x", undefined, soon());
  toClient.write(text);
  await expect(waiting).rejects.toMatchObject({ code: "VMM", phase: "QMP" });
});
