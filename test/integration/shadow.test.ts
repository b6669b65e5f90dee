import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { FrameType } from "../../src/agent/frame-codec.ts";
import { Deadline } from "../../src/base/deadline.ts";
import { makeCgroup, planCgroup } from "../../src/host/cgroup.ts";
import { removeCgroups } from "../../src/host/cgroup-remove.ts";
import { foreignDeath, isAlive, processStartTime } from "../../src/host/process-info.ts";
import { startShadow } from "../../src/host/shadow.ts";
import { NONE, statusOf } from "../fixtures/process-root.ts";
import { buildNative, Rig, textOf } from "./shadow-rig.ts";

let rig: Rig;
beforeAll(buildNative);
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.close());

test("a monitor that cannot be started is an error, and the shadow goes", async () => {
  const launched = rig.create({ monitor: { argv: ["/no/such/node"], log: "/dev/null" } });
  const pid = await launched.pid();
  expect(await launched.line()).toContain("error cannot start the monitor /no/such/node");
  expect(await launched.exit()).toBe(1);
  expect(processStartTime(pid)).toBeUndefined();
});

test("a shadow that stands uses no capability, and can get none", async () => {
  const pid = await rig.create().pid();
  for (const set of ["CapEff", "CapInh", "CapBnd", "CapAmb"]) expect(statusOf(pid, set)).toBe(NONE);
  // NET_ADMIN and SYS_RESOURCE, for the room that its last output takes (native/shadow/rights.c).
  const ours = BigInt(`0x${statusOf(process.pid, "CapPrm")}`);
  expect(BigInt(`0x${statusOf(pid, "CapPrm")}`)).toBe(ours & 0x100_1000n);
  expect(statusOf(pid, "NoNewPrivs")).toBe("1");
  // Who comes from outside enters its namespaces as before, and what they start there has its own rights.
  const target = ["--target", String(pid), "--pid", "--uts", "--ipc", "--net"];
  const entered = execFileSync("nsenter", [...target, "cat", "/proc/self/status"], { encoding: "utf8" });
  expect(entered).toMatch(/^CapEff:\t0*[1-9a-f]/m);
});

test("a shadow is shown with the command line of what it stands for, and its name and environment stay", async () => {
  const pid = await rig.create({ title: ["sleep", "one thousand"] }).pid();
  const proc = (name: string): string => readFileSync(`/proc/${pid}/${name}`, "utf8");
  await expect.poll(() => proc("cmdline")).toBe("sleep\0one thousand\0");
  expect(proc("comm")).toBe("nk-holder\n");
  expect(proc("environ").split("\0")).toContain(`PATH=${process.env["PATH"] ?? ""}`);
});

test.each([
  [0, 0],
  [7 << 8, 7],
  [255 << 8, 255],
  [9, 137],
])("wait status %d becomes exit status %d", async (waitStatus, expected) => {
  const launched = rig.create();
  (await rig.monitor()).exit(waitStatus);
  expect(await launched.exit()).toBe(expected);
});

test("a monitor that dies takes the shadow along, with 137", async () => {
  const launched = rig.create();
  (await rig.monitor()).socket.destroy();
  expect(await launched.exit()).toBe(137);
});

test("signals become frames, sent to the shadow or to the launcher", async () => {
  const launched = rig.create();
  const pid = await launched.pid();
  const monitor = await rig.monitor();
  for (const signal of [15, 1, 10, 35]) {
    process.kill(pid, signal);
    expect((await monitor.nextOf(FrameType.signal)).payload.readUInt32LE()).toBe(signal);
  }
  launched.process.kill("SIGINT");
  expect((await monitor.nextOf(FrameType.signal)).payload.readUInt32LE()).toBe(2);
  monitor.exit(0);
  expect(await launched.exit()).toBe(0);
});

test("8 MiB go through standard output unchanged, within the credit", async () => {
  const launched = rig.create();
  const monitor = await rig.monitor();
  const data = randomBytes(8 << 20);
  const received = createHash("sha256");
  const done = (async () => {
    for await (const chunk of launched.stdout) received.update(chunk as Buffer);
  })();
  let credit = 262_144;
  for (let at = 0; at < data.length;) {
    const length = Math.min(65_536, credit, data.length - at);
    if (length === 0) {
      credit += (await monitor.nextOf(FrameType.credit)).payload.readUInt32LE();
      continue;
    }
    monitor.send(FrameType.data, 2, data.subarray(at, at + length));
    at += length;
    credit -= length;
  }
  monitor.send(FrameType.eof, 2);
  monitor.exit(0);
  expect(await launched.exit()).toBe(0);
  await done;
  expect(received.digest("hex")).toBe(createHash("sha256").update(data).digest("hex"));
});

test("the last bytes come, however late they are read", async () => {
  const launched = rig.create();
  const monitor = await rig.monitor();
  for (let n = 0; n < 4; n += 1) monitor.send(FrameType.data, 2, Buffer.alloc(65_536, "x"));
  monitor.send(FrameType.data, 3, "to standard error");
  monitor.exit(3 << 8);
  const [output, errors] = await Promise.all([textOf(launched.stdout), textOf(launched.stderr)]);
  expect(output.length).toBe(262_144);
  expect(errors).toBe("to standard error");
  expect(await launched.exit()).toBe(3);
});

test("standard input is framed and ends; a reader of output that left is told", async () => {
  const launched = rig.create();
  const monitor = await rig.monitor();
  launched.stdin.end("hello");
  expect(await monitor.next()).toEqual({ type: FrameType.data, streamId: 1, payload: Buffer.from("hello") });
  expect(await monitor.next()).toEqual({ type: FrameType.eof, streamId: 1, payload: Buffer.alloc(0) });
  launched.stdout.destroy();
  expect(await monitor.next()).toEqual({ type: FrameType.close, streamId: 2, payload: Buffer.alloc(0) });
  monitor.exit(0);
  expect(await launched.exit()).toBe(0);
});

test("a detached launcher leaves the shadow, which keeps no descriptor of its making", async () => {
  const launched = rig.create({ wait: false });
  const pid = await launched.pid();
  const startTime = processStartTime(pid) ?? 0;
  expect(await launched.exit()).toBe(0);
  const monitor = await rig.monitor();
  const descriptors = execFileSync("ls", [`/proc/${pid}/fd`], { encoding: "utf8" })
    .trim()
    .split("\n");
  const own = descriptors.map(Number).filter((fd) => fd > 2);
  expect(own.sort((a, b) => a - b)).toEqual([3, 4, 10, 11]);
  monitor.exit(0);
  expect(await foreignDeath(pid, startTime, 5000)).toBe(true);
});

test("a launcher that is killed before the shadow stands leaves nothing", async () => {
  // The shadow waits for a reader of this pipe that never comes.
  const fifo = join(rig.dir, "fifo");
  execFileSync("mkfifo", [fifo]);
  const launched = rig.create({ cgroups: [fifo] });
  const children = `/proc/${launched.process.pid}/task/${launched.process.pid}/children`;
  await expect.poll(() => readFileSync(children, "utf8").trim()).not.toBe("");
  const pid = Number(readFileSync(children, "utf8"));
  const startTime = processStartTime(pid) ?? 0;
  launched.process.kill("SIGKILL");
  expect(await foreignDeath(pid, startTime, 5000)).toBe(true);
});

test("shadow and monitor join the cgroup, the launcher does not", async () => {
  const folders = planCgroup(`/nano-sandbox-test-${process.pid}`);
  const cgroups = makeCgroup(folders);
  try {
    const launched = rig.create({ cgroups });
    const pid = await launched.pid();
    const monitor = await rig.monitor();
    expect(cgroups.length).toBeGreaterThan(0);
    for (const path of cgroups) {
      const members = readFileSync(path, "utf8").trim().split("\n").map(Number);
      expect(members).toContain(pid);
      expect(members).not.toContain(launched.process.pid);
      expect(members.length).toBe(2);
    }
    monitor.exit(0);
    expect(await launched.exit()).toBe(0);
  } finally {
    await removeCgroups(folders.made, rig.dir);
  }
});

test("startShadow: the pid, the monitor's lines, the end", async () => {
  const shadow = await startShadow(rig.plan({ wait: false }), Deadline.after(10_000));
  const first = await shadow.reportLines.next();
  expect(JSON.parse(first.value ?? "")).toEqual({ ready: true, shadow: shadow.pid });
  const startTime = processStartTime(shadow.pid) ?? 0;
  await shadow.kill();
  expect(isAlive(shadow.pid, startTime)).toBe(false);
  await shadow.kill();
});

test("startShadow: throws the helper's reason", async () => {
  const plan = rig.plan({ rootfs: "/no/such/rootfs" });
  await expect(startShadow(plan, Deadline.after(10_000))).rejects.toMatchObject({
    code: "HOST",
    message: expect.stringMatching(/rootfs \/no\/such\/rootfs.*No such file or directory/) as string,
  });
});
