import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { relayTcp } from "./relay-tcp.ts";

let target: Server;
let relay: ReturnType<typeof relayTcp>;
/** What the target's next connection is. */
let accepted: Promise<[Socket]>;
let address: string | undefined;
const clients: Socket[] = [];

beforeEach(async () => {
  address = "127.0.0.1";
  target = createServer({ allowHalfOpen: true }).listen(0, address);
  accepted = once(target, "connection") as Promise<[Socket]>;
  await once(target, "listening");
  relay = relayTcp(portOf(target), () => address);
  relay.server.listen(0, "127.0.0.1");
  await once(relay.server, "listening");
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  relay.close();
  target.close();
});

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function dial(): Socket {
  const client = connect({ port: portOf(relay.server), host: "127.0.0.1", allowHalfOpen: true });
  clients.push(client);
  return client;
}

/** All until its end, which leaves the other direction open. */
async function received(socket: Socket): Promise<string> {
  let all = "";
  socket.on("data", (data) => (all += String(data)));
  await once(socket, "end");
  return all;
}

async function connections(): Promise<number> {
  return new Promise((resolve, reject) => {
    relay.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

it("passes on the end of each side by itself", async () => {
  const client = dial();
  client.end("question");
  const [server] = await accepted;
  expect(await received(server)).toBe("question");
  server.end("answer");
  expect(await received(client)).toBe("answer");
  await expect.poll(connections).toBe(0);
});

it("passes on what comes after the other side's end", async () => {
  const client = dial();
  const [server] = await accepted;
  server.end("first");
  expect(await received(client)).toBe("first");
  client.end("then");
  expect(await received(server)).toBe("then");
  await expect.poll(connections).toBe(0);
});

it("resets one side when the other was reset", async () => {
  const client = dial();
  const [server] = await accepted;
  client.resetAndDestroy();
  const [error] = (await once(server, "error")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ECONNRESET");

  accepted = once(target, "connection") as Promise<[Socket]>;
  const other = dial();
  const [its] = await accepted;
  its.resetAndDestroy();
  const [second] = (await once(other, "error")) as [NodeJS.ErrnoException];
  expect(second.code).toBe("ECONNRESET");
  await expect.poll(connections).toBe(0);
});

it.each([
  ["leads nowhere yet", (): void => void (address = undefined)],
  ["is refused", (): void => void target.close()],
])("resets what %s", async (_, prepare) => {
  prepare();
  const [error] = (await once(dial(), "error")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ECONNRESET");
  await expect.poll(connections).toBe(0);
});

it("takes no more than the kernel's buffers hold from who is not read", async () => {
  const client = dial();
  const [server] = await accepted;
  server.pause();
  const chunk = Buffer.alloc(1024 * 1024);
  for (let count = 0; count < 64; count += 1) client.write(chunk);
  let before = -1;
  await expect
    .poll(
      () => {
        const isStill = before === client.bytesWritten - client.writableLength;
        before = client.bytesWritten - client.writableLength;
        return isStill;
      },
      { interval: 200 },
    )
    .toBe(true);
  expect(client.writableLength).toBeGreaterThan(32 * chunk.length);
  client.end();
  let got = 0;
  for await (const data of server) got += (data as Buffer).length;
  expect(got).toBe(64 * chunk.length);
});

it("ends all connections when it is closed", async () => {
  const client = dial();
  const [server] = await accepted;
  relay.close();
  await Promise.all([once(client.resume(), "end"), once(server.resume(), "end")]);
  expect(await connections().catch(() => 0)).toBe(0);
});
