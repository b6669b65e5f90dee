import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Deadline } from "../../base/deadline.ts";
import { AgentListener } from "./agent-listener.ts";

let folder: string;
let listener: AgentListener;
const sockets: Socket[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "nk-agent-"));
  listener = new AgentListener();
  await listener.listen(join(folder, "v.sock"), undefined);
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  listener.close();
  rmSync(folder, { recursive: true });
});

/** As Firecracker does for a guest that dials port 52. */
function dial(): Socket {
  const socket = connect(join(folder, "v.sock_52"));
  sockets.push(socket);
  return socket;
}

const next = (timeoutMs: number): Promise<Socket> => listener.next(Deadline.after(timeoutMs), "the agent");

test("a connection is given to who waits, or to who asks later", async () => {
  const waiting = next(5000);
  dial().write("one");
  expect(String((await once(await waiting, "data"))[0])).toBe("one");
  dial().write("two");
  await new Promise(setImmediate);
  expect(String((await once(await next(5000), "data"))[0])).toBe("two");
});

test("one that nobody has taken is dropped for a newer one", async () => {
  const first = dial();
  await once(first, "connect");
  const second = dial();
  await once(first, "close");
  second.write("newer");
  expect(String((await once(await next(5000), "data"))[0])).toBe("newer");
});

test("one that comes after a wait has ended is kept for the next", async () => {
  await expect(next(1)).rejects.toMatchObject({ code: "TIMEOUT" });
  dial().write("late");
  await expect.poll(() => sockets[0]?.connecting).toBe(false);
  expect(String((await once(await next(5000), "data"))[0])).toBe("late");
});

test("close drops what nobody took, and removes the socket", async () => {
  const left = dial();
  await once(left, "connect");
  await new Promise(setImmediate);
  listener.close();
  await once(left, "close");
  expect(readdirSync(folder)).toEqual([]);
});
