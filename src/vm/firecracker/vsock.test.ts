import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Deadline } from "../../base/deadline.ts";
import { listenForGuest, type GuestListener } from "./vsock.ts";
import { dialGuest } from "./vsock-dial.ts";

let dir: string;
let uds: string;
const toClose: (() => void)[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-vsock-"));
  uds = join(dir, "v");
});

afterEach(() => {
  for (const close of toClose.splice(0)) close();
  rmSync(dir, { recursive: true, force: true });
});

/** Firecracker's end: sees each connection with what arrived first. */
async function firecracker(onLine: (socket: Socket, chunk: string, attempt: number) => void): Promise<void> {
  let attempts = 0;
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    attempts += 1;
    const attempt = attempts;
    open.add(socket);
    socket.on("error", () => {});
    socket.once("data", (chunk: Buffer) => onLine(socket, chunk.toString(), attempt));
  });
  toClose.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  server.listen(uds);
  await once(server, "listening");
}

async function textOf(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe("dialGuest", () => {
  const soon = (): Deadline => Deadline.after(2000);

  test("asks in one write, and leaves what the guest says at once", async () => {
    const asked: string[] = [];
    await firecracker((socket, chunk) => {
      asked.push(chunk);
      socket.end("OK 1073741824\nhello from the guest\n");
    });
    const socket = await dialGuest(uds, 52, soon());
    expect(await textOf(socket)).toBe("hello from the guest\n");
    expect(asked).toEqual(["CONNECT 52\n"]);
  });

  test("the connection flows for a listener that comes later", async () => {
    await firecracker((socket) => {
      socket.write("OK 1\na");
      setTimeout(() => socket.write("b"), 30);
    });
    const socket = await dialGuest(uds, 52, soon());
    await new Promise((resolve) => setTimeout(resolve, 10));
    const both = await new Promise((resolve) => {
      let text = "";
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        if (text.length === 2) resolve(text);
      });
    });
    expect(both).toBe("ab");
    socket.destroy();
  });

  test("takes an answer in single bytes", async () => {
    await firecracker((socket) => {
      const bytes = "OK 1073741825\nx".split("");
      const timer = setInterval(() => {
        const byte = bytes.shift();
        if (byte === undefined) clearInterval(timer);
        else if (bytes.length === 0) socket.end(byte);
        else socket.write(byte);
      }, 1);
    });
    expect(await textOf(await dialGuest(uds, 52, soon()))).toBe("x");
  });

  test("asks again where nobody listens yet, and where no answer comes", async () => {
    await firecracker((socket, _, attempt) => {
      if (attempt === 1) socket.destroy();
      if (attempt === 3) socket.write("OK 7\n");
    });
    const socket = await dialGuest(uds, 52, Deadline.after(5000));
    socket.write("hi");
    socket.destroy();
  });

  test("gives up at its deadline", async () => {
    await firecracker((socket) => socket.destroy());
    await expect(dialGuest(uds, 52, Deadline.after(60))).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringContaining("somebody to listen on vsock port 52 of the guest"),
    });
  });

  test("gives up at its deadline when nothing ever answers", async () => {
    await firecracker(() => {});
    await expect(dialGuest(uds, 52, Deadline.after(60))).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  test.each([
    ["another word", "NO 1\n"],
    ["no end", "x".repeat(100)],
    ["no port", "OK \n"],
  ])("refuses an answer with %s", async (_, answer) => {
    await firecracker((socket) => socket.write(answer));
    await expect(dialGuest(uds, 52, soon())).rejects.toMatchObject({ code: "VMM" });
  });

  test("says where Firecracker does not listen", async () => {
    await expect(dialGuest(uds, 52, soon())).rejects.toThrow(
      `expected Firecracker to listen on ${uds}, found: no such file or directory`,
    );
  });

  test("refuses a path that no socket can have", async () => {
    await expect(dialGuest("x".repeat(108), 52, soon())).rejects.toMatchObject({ code: "BAD_CONFIG" });
  });
});

describe("listenForGuest", () => {
  async function listen(
    onConnection: (socket: Socket) => void = () => {},
    owner?: { uid: number; gid: number },
  ): Promise<GuestListener> {
    const listener = await listenForGuest(uds, 52, { onConnection, ...(owner && { owner }) });
    toClose.push(() => listener.close());
    return listener;
  }

  test("hands on each connection with all of its bytes, for its owner alone", async () => {
    let take: (socket: Socket) => void = () => {};
    const taken = new Promise<Socket>((resolve) => (take = resolve));
    const listener = await listen((socket) => take(socket));
    expect(listener.path).toBe(`${uds}_52`);
    expect(lstatSync(listener.path).mode & 0o777).toBe(0o600);
    connect(listener.path).end("early");
    const socket = await taken;
    await new Promise((resolve) => setTimeout(resolve, 20)); // whoever reads it comes later
    expect(await textOf(socket)).toBe("early");
  });

  test("removes its socket when it is closed", async () => {
    const listener = await listen();
    listener.close();
    expect(existsSync(listener.path)).toBe(false);
  });

  test("replaces a socket that was left behind", async () => {
    const path = JSON.stringify(`${uds}_52`);
    spawnSync(process.execPath, [
      "-e",
      `require("net").createServer().listen(${path}, () => process.kill(process.pid, 9))`,
    ]);
    expect(lstatSync(`${uds}_52`).isSocket()).toBe(true);
    const taken = new Promise<Socket>((resolve) => void listen(resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    connect(`${uds}_52`).end("x");
    expect(await textOf(await taken)).toBe("x");
  });

  test("leaves a socket on which somebody listens", async () => {
    await listen();
    await expect(listen()).rejects.toMatchObject({ code: "EXISTS" });
    expect(existsSync(`${uds}_52`)).toBe(true);
  });

  test("leaves what is no socket", async () => {
    writeFileSync(`${uds}_52`, "mine");
    await expect(listen()).rejects.toMatchObject({ code: "EXISTS" });
    expect(lstatSync(`${uds}_52`).isFile()).toBe(true);
  });

  test("says why it cannot listen", async () => {
    await expect(listenForGuest(`${dir}/no/v`, 52, { onConnection: () => {} })).rejects.toThrow(
      `cannot listen on ${dir}/no/v_52: `,
    );
  });

  test("refuses a path that no socket can have, with the port", async () => {
    const path = `/${"x".repeat(104)}`;
    await expect(listenForGuest(path, 52, { onConnection: () => {} })).rejects.toMatchObject({
      code: "BAD_CONFIG",
    });
  });

  test("takes a path through a descriptor, where the real one is too long", async () => {
    const deep = join(dir, "d".repeat(120));
    mkdirSync(deep);
    const fd = openSync(deep, "r");
    const short = `/proc/self/fd/${fd}/v`;
    const listener = await listenForGuest(short, 52, { onConnection: (socket) => socket.end("hi") });
    expect(existsSync(join(deep, "v_52"))).toBe(true);
    expect(await textOf(connect(listener.path))).toBe("hi");
    listener.close();
    expect(existsSync(join(deep, "v_52"))).toBe(false);
    closeSync(fd);
  });

  test.skipIf(process.getuid?.() !== 0)("gives the socket to the one as whom Firecracker runs", async () => {
    const listener = await listen(undefined, { uid: 4711, gid: 4712 });
    expect(lstatSync(listener.path)).toMatchObject({ uid: 4711, gid: 4712 });
  });
});
