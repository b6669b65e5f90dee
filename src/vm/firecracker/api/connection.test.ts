import { once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { RawServer } from "../testing/raw-server.ts";
import { Deadline } from "../../../base/deadline.ts";
import { ApiConnection, type HttpRequest } from "./connection.ts";

const OK = "HTTP/1.1 204 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\r\n";
const GET: HttpRequest = { method: "GET", path: "/", body: undefined };
const soon = (): Deadline => Deadline.after(2000);

let server: RawServer;
let client: ApiConnection;

async function serve(onChunk: (socket: Socket, chunk: string, connection: number) => void): Promise<void> {
  server = new RawServer(onChunk);
  await server.listen();
  client = new ApiConnection(server.path);
}

afterEach(() => {
  client.close();
  server.close();
});

describe("requests", () => {
  test("are written in one piece with the length in bytes", async () => {
    await serve((socket) => socket.write(OK));
    const body = '{"boot_args":"ä"}';
    await client.exchange({ method: "PUT", path: "/boot-source", body }, soon());
    expect(server.received).toEqual([
      `PUT /boot-source HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n${body}`,
    ]);
  });

  test("go one at a time over one connection", async () => {
    let waiting = 0;
    await serve((socket) => {
      waiting += 1;
      expect(waiting).toBe(1);
      setTimeout(() => {
        waiting -= 1;
        socket.write(OK);
      }, 2);
    });
    const all = Array.from({ length: 5 }, () => client.exchange(GET, soon()));
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual([204, 204, 204, 204, 204]);
    expect(server.connections).toBe(1);
  });

  test("wait for their turn no longer than their deadline, and are not sent after it", async () => {
    await serve(() => {});
    const first = client.exchange(GET, Deadline.after(80));
    const second = client.exchange({ ...GET, path: "/version" }, Deadline.after(20));
    await expect(second).rejects.toMatchObject({ code: "TIMEOUT", request: "GET /version" });
    await expect(first).rejects.toMatchObject({ code: "TIMEOUT", request: "GET /" });
    expect(server.received).toHaveLength(1);
  });
});

test("an answer may come in single bytes", async () => {
  const answer = 'HTTP/1.1 200 \r\nContent-Length: 8\r\n\r\n{"a":"b"';
  await serve((socket) => {
    let at = 0;
    const timer = setInterval(() => {
      socket.write(answer.charAt(at));
      at += 1;
      if (at === answer.length) clearInterval(timer);
    }, 0);
  });
  expect(await client.exchange(GET, soon())).toEqual({ status: 200, body: '{"a":"b"' });
});

describe("the connection is made anew after", () => {
  test.each([
    [
      "an error of Firecracker's parser",
      'HTTP/1.1 400 \r\nContent-Length: 23\r\n\r\n{ "error": "No.\nAll." }',
      400,
    ],
    ["an internal error", "HTTP/1.1 500 \r\nContent-Length: 4\r\n\r\noops", 500],
    ["bytes that nobody asked for", `${OK}${OK}`, 204],
  ])("%s", async (_, text, status) => {
    await serve((socket, __, connection) => socket.write(connection === 1 ? text : OK));
    expect((await client.exchange(GET, soon())).status).toBe(status);
    expect((await client.exchange(GET, soon())).status).toBe(204);
    expect(server.connections).toBe(2);
  });

  test("a deadline that passed: the late answer is nobody's", async () => {
    await serve((socket, _, connection) => {
      if (connection === 1) setTimeout(() => socket.write("HTTP/1.1 400 \r\n\r\n"), 60);
      else socket.write(OK);
    });
    await expect(client.exchange(GET, Deadline.after(20))).rejects.toMatchObject({ code: "TIMEOUT" });
    expect((await client.exchange(GET, soon())).status).toBe(204);
  });

  test("an answer that comes when nobody asks", async () => {
    let dropped: Promise<unknown> = Promise.resolve();
    await serve((socket, _, connection) => {
      socket.write(OK);
      if (connection > 1) return;
      dropped = once(socket, "close");
      setTimeout(() => socket.write("HTTP/1.1 400 \r\n\r\n"), 10);
    });
    expect((await client.exchange(GET, soon())).status).toBe(204);
    await dropped;
    expect((await client.exchange(GET, soon())).status).toBe(204);
    expect(server.connections).toBe(2);
  });

  test("an answer that is none", async () => {
    await serve((socket, _, connection) => socket.write(connection === 1 ? "hello\r\n\r\n" : OK));
    await expect(client.exchange(GET, soon())).rejects.toMatchObject({ code: "VMM", status: undefined });
    expect((await client.exchange(GET, soon())).status).toBe(204);
  });

  test("its end without an answer", async () => {
    await serve((socket, _, connection) => (connection === 1 ? socket.destroy() : socket.write(OK)));
    await expect(client.exchange(GET, soon())).rejects.toMatchObject({
      code: "VMM",
      phase: "GET /",
      message: expect.stringContaining("expected an answer of Firecracker to GET / on "),
    });
    expect((await client.exchange(GET, soon())).status).toBe(204);
  });

  test("a reset, because Firecracker ended with the request half read", async () => {
    await serve((socket, _, connection) => (connection === 1 ? socket.destroy() : socket.write(OK)));
    const long: HttpRequest = { method: "PUT", path: "/mmds", body: "x".repeat(1024 * 1024) };
    await expect(client.exchange(long, soon())).rejects.toMatchObject({ code: "VMM", status: undefined });
    expect((await client.exchange(GET, soon())).status).toBe(204);
  });
});

test("the answer of a server that is full is read, though the connection ends with it", async () => {
  const body = '{ "error": "Too many open connections" }';
  await serve((socket) =>
    socket.end(`HTTP/1.1 503\r\nConnection: close\r\nContent-Length: 40\r\n\r\n${body}`),
  );
  expect(await client.exchange(GET, soon())).toEqual({ status: 503, body });
});

test("a socket that is not there is named", async () => {
  await serve(() => {});
  client = new ApiConnection(`${server.path}-not`);
  await expect(client.exchange(GET, soon())).rejects.toThrow(
    `to GET / on ${server.path}-not, found: cannot connect: no such file or directory`,
  );
});

test("a path that no socket can have is refused", async () => {
  await serve(() => {});
  expect(() => new ApiConnection(`/${"x".repeat(107)}`)).toThrow(
    /has 108 bytes, a socket's path at most 107/,
  );
});

test("closing fails what waits and all that follows", async () => {
  await serve(() => {});
  setTimeout(() => client.close(), 20);
  await expect(client.exchange(GET, soon())).rejects.toMatchObject({ code: "VMM" });
  await expect(client.exchange(GET, soon())).rejects.toMatchObject({ code: "VMM" });
  expect(server.connections).toBe(1);
});
