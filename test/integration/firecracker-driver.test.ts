// The Firecracker driver against the stand-in: the life of a VM, and how it ends.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AgentClient } from "../../src/agent/agent-client.ts";
import { AgentConnection } from "../../src/agent/connection.ts";
import { Deadline } from "../../src/base/deadline.ts";
import { findDiod } from "../../src/share/diod.ts";
import type { VirtualMachine } from "../../src/vm/virtual-machine.ts";
import { HAS_KVM } from "../fixtures/fake-firecracker.ts";
import { Machines, read, soon } from "./firecracker-driver-rig.ts";
import { Rig, type FakeMonitor } from "./shadow-rig.ts";

/** A VM with a share: diod, over its vsock. */
const SHARED = { volumes: "9p-vsock", server: findDiod() ?? "" } as const;

let machines: Machines;

beforeEach(() => {
  machines = new Machines();
});

afterEach(() => machines.close());

async function agentOf(vm: VirtualMachine): Promise<{ agent: AgentClient; connection: AgentConnection }> {
  const connection = new AgentConnection(await vm.connectAgent(soon()), { frame() {} }, () => {});
  await soon().race(connection.hello, "hello");
  return { agent: new AgentClient(connection), connection };
}

async function configured(vm: VirtualMachine): Promise<AgentConnection> {
  const { agent, connection } = await agentOf(vm);
  await agent.configure({
    hostname: "t",
    entropy: "",
    runtime: "crun",
    realtimeNs: `${Date.now()}000000`,
    debug: false,
  });
  return connection;
}

describe.runIf(HAS_KVM)("a VM that runs", () => {
  test("has its agent on a connection, and on another when that broke", async () => {
    const vm = await machines.boot({ guest: "agent" });
    expect(machines.processes()).toContain(vm.pid);
    const { connection } = await agentOf(vm);
    connection.close();
    await configured(vm);
  });

  test("ends in order when its agent is told to", async () => {
    const vm = await machines.boot({ guest: "agent" });
    const connection = await configured(vm);
    await connection.request("shutdown", { mode: "poweroff" }, soon());
    expect(await vm.exited).toMatchObject({ reason: "poweroff", code: 0, signal: null });
  });

  test("says what Firecracker counts, also twice at a time", async () => {
    const vm = await machines.boot();
    const [metrics] = await Promise.all([vm.metrics(), vm.metrics()]);
    expect(metrics).toMatchObject({ disks: [], vcpuExits: { io: 0, mmio: 0 }, refusedRequests: 0 });
  });

  test("shows its console to a stream, and keeps it in a log", async () => {
    const vm = await machines.boot({ fault: "guest-panics:500" });
    let seen = "";
    const stream = new Duplex({
      read() {},
      write: (chunk: Buffer, _, done) => {
        seen += chunk.toString();
        done();
      },
    });
    const closed = once(stream, "close");
    vm.attachConsole(stream);
    await vm.exited;
    await vm.close();
    await closed;
    expect(seen).toContain("Kernel panic");
    expect(vm.logTail()).toContain("Command line:");
  });

  test("is booted once only", async () => {
    const vm = await machines.boot();
    await expect(vm.boot(soon())).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test.each(["1.14.4", "1.15.1", "1.16.2", "1.17.0-dev"])("pauses and goes on with %s", async (version) => {
    const vm = await machines.boot({ guest: "agent", version });
    const connection = await configured(vm);
    await vm.pause();
    await vm.pause();
    await vm.resume();
    await connection.request("metrics", {}, soon());
  });

  test.each(["1.16.0", "1.16.1"])("is not paused by %s, which would lose the guest", async (version) => {
    const vm = await machines.boot({ version });
    await expect(vm.pause()).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringMatching(/loses the connection to the guest.*use 1\.16\.2 or later/),
    });
  });
});

describe.runIf(HAS_KVM)("the end of a VM", () => {
  test.each([
    ["guest-panics:200", "panic", /^the guest's kernel panicked: /],
    ["guest-reboots:200", "poweroff", /restarted itself/],
    ["dies:1", "crash", /exited with code 1 \(an error of its own\)/],
    ["dies:2", "crash", /code 2 \(an end that it did not expect\)/],
    ["dies:148", "crash", /code 148 \(it made a system call that its seccomp filter forbids\)/],
    ["dies:149", "crash", /code 149 \(a bus error/],
    ["dies:150", "crash", /code 150 \(a segmentation fault\)/],
    ["dies:151", "crash", /code 151 \(a file grew beyond its limit\)/],
    ["dies:152", "crash", /code 152 \(a bad configuration\)/],
    ["dies:153", "crash", /code 153 \(bad arguments\)/],
    ["dies:154", "crash", /code 154 \(it used up its limit of CPU time\)/],
    ["dies:156", "crash", /code 156 \(its session was hung up\)/],
    ["dies:157", "crash", /code 157 \(an illegal instruction\)/],
    ["dies:77", "crash", /exited with code 77, and nobody/],
  ])("%s is told as %s", async (fault, reason, message) => {
    const vm = await machines.create({ fault });
    await vm.boot(soon()).catch(() => {}); // it may have died while it answered
    expect(await vm.exited).toMatchObject({ reason, message: expect.stringMatching(message) });
  });

  test("by a signal is a crash, which a connection that waits hears of", async () => {
    const vm = await machines.boot();
    const connection = vm.connectAgent(Deadline.after(60_000));
    connection.catch(() => {});
    process.kill(vm.pid ?? 0, "SIGKILL");
    expect(await vm.exited).toMatchObject({ reason: "crash", signal: "SIGKILL" });
    const ended = { code: "BOOT", message: expect.stringMatching(/^the VM ended: .*SIGKILL/) };
    await expect(connection).rejects.toMatchObject(ended);
    const killed = { code: "VMM", message: expect.stringContaining("was killed by SIGKILL") };
    await expect(vm.metrics()).rejects.toMatchObject(killed);
    await expect(vm.resume()).rejects.toMatchObject(killed);
    await expect(vm.connectAgent(soon())).rejects.toMatchObject(ended);
  });

  test("comes with that of the server of its share", async () => {
    const rig = new Rig();
    let monitor: FakeMonitor | undefined;
    try {
      const shadowPid = await rig.create().pid();
      monitor = await rig.monitor();
      const vm = await machines.boot({ guest: "agent" }, { folder: { shadowPid } }, SHARED);
      expect(vm.shareMount).toMatchObject({ vsockPort: 5640 });
      const server = machines.processes().find((pid) => read(`/proc/${pid}/cmdline`).includes("v.sock_5640"));
      process.kill(server ?? 0, "SIGKILL");
      expect(await vm.exited).toMatchObject({ reason: "crash", message: expect.stringContaining("diod") });
    } finally {
      monitor?.socket.destroy();
      rig.close();
    }
  });
});

describe.runIf(HAS_KVM)("stop", () => {
  test.each([
    ["", "SIGTERM", "Firecracker ended when it was asked to"],
    ["guest-halts", "SIGTERM", "Firecracker ended when it was asked to"],
    ["ignore-sigterm", "SIGKILL", "Firecracker was ended by force"],
  ])("ends a Firecracker with the fault '%s' by %s", async (fault, signal, message) => {
    const vm = await machines.boot({ fault });
    const exit = await vm.stop(Deadline.after(1000));
    expect(exit).toEqual({ reason: "stopped", code: null, signal, message });
    expect(await vm.stop(Deadline.after(1000))).toEqual(exit);
  });

  test("waits for a guest that is ending anyhow", async () => {
    const vm = await machines.boot({ fault: "guest-reboots:300" });
    expect(await vm.stop(soon())).toMatchObject({ reason: "poweroff", code: 0 });
  });

  test("of a VM that was never started is no error", async () => {
    const vm = await machines.create();
    expect(await vm.stop(soon())).toMatchObject({ reason: "stopped", message: "the VM was never started" });
  });
});

describe.runIf(HAS_KVM)("what is in the way", () => {
  test("sockets without an owner are replaced", async () => {
    const stateDir = machines.stateDir();
    for (const name of ["fc.sock", "v.sock", "v.sock_52"]) leaveSocket(join(stateDir, name));
    writeFileSync(join(stateDir, "keys.fifo"), "");
    const vm = await machines.boot({ guest: "agent" }, { stateDir });
    await agentOf(vm);
  });

  test.each(["fc.sock", "v.sock"])("a %s on which somebody listens is left alone", async (name) => {
    const stateDir = machines.stateDir();
    const server = await listenOn(join(stateDir, name));
    await expect(machines.create({}, { stateDir })).rejects.toMatchObject({
      code: "EXISTS",
      message: expect.stringMatching(/another process listens there.*is the VM running already\?/),
    });
    expect(readdirSync(stateDir)).toEqual([name]);
    server.close();
  });

  test("a path too long for its sockets is refused before anything is started", async () => {
    const stateDir = join(machines.folder, "x".repeat(90));
    mkdirSync(stateDir);
    await expect(machines.create({}, { stateDir })).rejects.toMatchObject({
      code: "BAD_CONFIG",
      message: expect.stringMatching(/107/),
    });
    expect(readdirSync(stateDir)).toEqual([]);
  });
});

async function listenOn(path: string): Promise<Server> {
  const server = createServer().listen(path);
  await once(server, "listening");
  return server;
}

/** As Firecracker leaves them behind. */
function leaveSocket(path: string): void {
  const script = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", script, path]);
}
