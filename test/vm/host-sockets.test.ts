import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { BundleOptions } from "../fixtures/make-bundle.ts";
import { staticProgram } from "../fixtures/static-program.ts";
import { started } from "./machine-checks.ts";
import { Runtime } from "./runtime.ts";
import { QEMU_SHARES } from "./share-cases.ts";

/** Unix sockets of the host in bind mounts: the container talks to the host's servers. */

const probe = staticProgram("socket-probe");
let runtime: Runtime;
let folder: string;
let servers: Server[];
let receivers: ChildProcess[];

beforeAll(() => {
  runtime = new Runtime();
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nk-sockets-"));
  servers = [];
  receivers = [];
});
afterEach(() => {
  for (const server of servers) server.close();
  for (const { pid } of receivers) if (pid !== undefined) process.kill(pid);
  rmSync(folder, { recursive: true });
});

/** A server of the host at FOLDER/NAME. */
async function serve(name: string, onConnection: (socket: Socket) => void): Promise<string> {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    onConnection(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

const echo = (socket: Socket): void => void socket.pipe(socket);

/** A datagram socket, whose messages are lines of the file that is returned. */
async function receive(path: string): Promise<string> {
  const file = `${path}.log`;
  const program = [
    "import socket, sys",
    "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "s.bind(sys.argv[1])",
    "print('ready', flush=True)",
    "while True: open(sys.argv[2], 'ab').write(s.recv(1 << 20) + b'\\n')",
  ].join("\n");
  const child = spawn("python3", ["-c", program, path, file], { stdio: ["ignore", "pipe", "inherit"] });
  receivers.push(child);
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  return file;
}

const bind = (destination: string, source: string) => ({
  destination,
  type: "bind",
  source,
  options: ["rbind", "ro"],
});

const PROBE = { destination: "/bin/probe", source: probe, type: "bind", options: ["bind", "ro"] };

function options(script: string, ...mounts: object[]): BundleOptions {
  return { args: ["sh", "-c", script], mounts: [PROBE, ...mounts] as BundleOptions["mounts"] & object };
}

const WAYS: Readonly<Record<string, { flags: readonly string[]; obstacle?: string }>> = {
  ...QEMU_SHARES,
  block: { flags: ["--vm-share=block"] },
};

describe.each(Object.entries(WAYS))("by %s", (_name, { flags, obstacle }) => {
  it("a socket, and one in a folder, are the host's", async ({ skip }) => {
    skip(obstacle !== undefined, obstacle);
    const path = await serve("one.sock", echo);
    await serve("run/two.sock", (socket) => socket.end("hello from the host\n"));
    const notified = await receive(join(folder, "run/notify.sock"));
    chmodSync(path, 0o640);
    const script = [
      "stat -c '%F %a' /run/one.sock",
      "echo both ways | probe ask /run/one.sock",
      "probe ask /run/host/two.sock </dev/null",
      "probe tell /run/host/notify.sock READY=1 STOPPING=1",
      // More than any buffer on the way holds.
      "dd if=/dev/zero bs=64k count=40 2>/dev/null | probe ask /run/one.sock | wc -c",
    ].join("; ");
    const mounts = [bind("/run/one.sock", path), bind("/run/host", join(folder, "run"))];
    const { stdout, stderr } = await runtime.run(options(script, ...mounts), [...flags]);
    expect(stderr).toBe("");
    expect(stdout).toBe("socket 640\nboth ways\nhello from the host\n2621440\n");
    expect(readFileSync(notified, "utf8")).toBe("READY=1\nSTOPPING=1\n");
  });
});

it("what the host's server does is seen: nobody listens, it takes no more, it ends", async () => {
  const path = await serve("busy.sock", (socket) => socket.write("x"));
  const dead = join(folder, "dead.sock");
  execFileSync("python3", ["-c", "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", dead]);
  const script = "probe many /run/busy.sock 100; echo x | probe ask /run/dead.sock; echo $?";
  const { stdout } = await runtime.run(
    options(script, bind("/run/busy.sock", path), bind("/run/dead.sock", dead)),
  );
  expect(stdout.split("\n").slice(0, 2)).toEqual(["64", "1"]);
});

it("one in a folder stays where it is, and what the container makes there leads to no other", async () => {
  const secret = await serve("secret/host.sock", (socket) => socket.end("secret"));
  await serve("shared/a.sock", echo);
  const mount = { ...bind("/shared", join(folder, "shared")), options: ["rbind", "rw"] };
  const script = [
    "mv /shared/a.sock /shared/b.sock 2>/dev/null || echo busy",
    `ln -s ${secret} /shared/later.sock; probe ask /shared/later.sock </dev/null 2>/dev/null || echo none`,
  ].join("; ");
  const { stdout } = await runtime.run(options(script, mount));
  expect(stdout).toBe("busy\nnone\n");
});

it("containers of one VM have their own, which go with them", async () => {
  const vm = runtime.id();
  await started(runtime, vm);
  const path = await serve("one.sock", echo);
  for (let i = 0; i < 3; i += 1) {
    const { dir } = await runtime.bundle(
      options("echo again | probe ask /run/one.sock", bind("/run/one.sock", path)),
    );
    expect(await runtime.ok(["run", "--vm", vm, "--bundle", dir, runtime.id()])).toBe("again\n");
  }
  await runtime.ok(["vm-delete", "--force", vm]);
});
