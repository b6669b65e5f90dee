// vsock of the stand-in for Firecracker: to a guest of our own, and with the real agent as the guest.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex, PassThrough } from "node:stream";
import { afterEach, expect, test } from "vitest";
import { connectTo, FakeFirecracker, makeBootFiles } from "../fixtures/fake-firecracker.ts";
import { Vsock } from "../fakes/firecracker/resources/vsock.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A device whose guest answers on port 7 with what it is sent, and says what that was. */
async function echoing() {
  const folder = mkdtempSync(join(tmpdir(), "nk-vsock-"));
  const path = join(folder, "v.sock");
  const vsock = await Vsock.bind({ vsock_id: null, guest_cid: 3, uds_path: path });
  const seen = new PassThrough();
  const attach = () =>
    vsock.attach(async (port) =>
      port === 7
        ? Duplex.from({ writable: seen, readable: new PassThrough().end("from the guest") })
        : undefined,
    );
  closers.push(
    () => vsock.unbind(),
    () => rmSync(folder, { recursive: true, force: true }),
  );
  return { path, vsock, attach, seen };
}

async function readAll(socket: Socket): Promise<string> {
  let text = "";
  for await (const data of socket) text += (data as Buffer).toString();
  return text;
}

test("a connection to a port is made once the guest's driver is there", async () => {
  const { path, attach } = await echoing();
  const socket = await connectTo(path);
  socket.write("connect 7\n");
  attach();
  expect(await readAll(socket)).toBe("OK 1073741824\nfrom the guest");
});

test.each(["CONNECT 8\n", "CONNECT seven\n", "CONNECT 7", `CONNECT ${"7".padStart(30, "0")}\n`])(
  "%j is closed without a byte",
  async (line) => {
    const { path, attach } = await echoing();
    attach();
    const socket = await connectTo(path);
    socket.write(line);
    expect(await readAll(socket)).toBe("");
  },
);

/** The frame of a request to the agent (protocol/agent-protocol.md). */
function frame(message: object): Buffer {
  const payload = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(12);
  head.writeUInt32LE(payload.length, 0);
  head.writeUInt8(1, 4);
  return Buffer.concat([head, payload]);
}

/** Reads until a text has come, or nothing has for a while; returns all that came. */
async function until(socket: Socket, text: string, withinMs: number): Promise<string> {
  let found = "";
  const onData = (data: Buffer) => (found += data.toString());
  socket.on("data", onData);
  const timeout = AbortSignal.timeout(withinMs);
  try {
    while (!found.includes(text)) await once(socket, "data", { signal: timeout });
  } catch {
    // the caller sees what is missing
  }
  socket.off("data", onData);
  return found;
}

/** A VM whose guest is the agent, and its connection. */
async function agentVm(env: Record<string, string>, bootArgs = "nk.poweroff=reboot") {
  const all = { NK_FAKE_FC_GUEST: "agent", ...env };
  const fake = new FakeFirecracker(["--api-sock", "api.sock"], all, makeBootFiles);
  closers.push(() => fake.close());
  await fake.ready();
  await fake.put("/boot-source", { kernel_image_path: "vmlinux", boot_args: bootArgs });
  await fake.put("/vsock", { guest_cid: 3, uds_path: "v.sock" });
  const server: Server = createServer().listen(join(fake.folder, "v.sock_52"));
  closers.push(() => server.close());
  await once(server, "listening");
  const connection = once(server, "connection") as Promise<[Socket]>;
  expect(await fake.put("/actions", { action_type: "InstanceStart" })).toContain("204");
  const [agent] = await connection;
  closers.push(() => agent.destroy());
  return { fake, server, agent };
}

test("the agent says hello, is configured and shuts down, which ends the process", async () => {
  const { fake, agent } = await agentVm({});
  expect(await until(agent, '"event":"hello"', 30_000)).toContain('"connection":1');
  agent.write(frame({ seq: 1, type: "configure", hostname: "stand-in" }));
  expect(await until(agent, '"seq":1', 30_000)).toContain('"success"');
  agent.write(frame({ seq: 2, type: "shutdown", mode: "poweroff" }));
  expect(await until(agent, '"seq":2', 30_000)).toContain('"success"');
  expect(await fake.end()).toEqual({ code: 0, signal: null });
  expect(existsSync(join(fake.folder, "v.sock"))).toBe(true);
});

test("without nk.poweroff=reboot the guest is off and the process stays", async () => {
  const { fake, agent } = await agentVm({}, "console=ttyS0");
  await until(agent, '"event":"hello"', 30_000);
  agent.write(frame({ seq: 1, type: "shutdown", mode: "poweroff" }));
  expect(await until(agent, '"seq":1', 30_000)).toContain('"success"');
  expect(await fake.end(500)).toBeUndefined();
});

test("a host that drops the connection gets another one", async () => {
  const { agent, server } = await agentVm({});
  await until(agent, '"event":"hello"', 30_000);
  const again = once(server, "connection") as Promise<[Socket]>;
  agent.destroy();
  const [second] = await again;
  closers.push(() => second.destroy());
  expect(await until(second, '"event":"hello"', 30_000)).toContain("hello");
});

test.each([
  ["1.14.4", "hears"],
  ["1.16.0", "is deaf"],
  ["1.16.1", "is deaf"],
  ["1.16.2", "hears"],
  ["1.17.0-dev", "hears"],
])("after a pause the guest of %s %s", async (version, how) => {
  const { fake, agent } = await agentVm({ NK_FAKE_FC_VERSION: version });
  await until(agent, '"event":"hello"', 30_000);
  await fake.put("/vm", { state: "Paused" }, "PATCH");
  agent.write(frame({ seq: 1, type: "health" }));
  expect(await until(agent, '"seq":1', 300)).toBe("");
  await fake.put("/vm", { state: "Resumed" }, "PATCH");
  const answer = await until(agent, '"seq":1', how === "hears" ? 5000 : 500);
  expect(answer.includes('"health":"ready"')).toBe(how === "hears");
});
