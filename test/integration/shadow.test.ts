import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { FrameType } from "../../src/agent/frame-codec.ts";
import { Deadline } from "../../src/base/deadline.ts";
import { makeCgroup, removeCgroups } from "../../src/host/cgroup.ts";
import { MS } from "../../src/host/mount-flags.ts";
import { foreignDeath, isAlive, processStartTime } from "../../src/host/process-info.ts";
import { startShadow } from "../../src/host/shadow.ts";
import { buildNative, Rig, textOf } from "./shadow-rig.ts";

let rig: Rig;
beforeAll(buildNative);
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.close());

function treeOf(pid: number): string {
  return `/proc/${pid}/fd/11/.`;
}

test("the tree has rootfs, bind mounts and mount points, and no /proc", async () => {
  const volume = join(rig.dir, "volume");
  const file = join(rig.dir, "file");
  mkdirSync(volume);
  writeFileSync(file, "content");
  const launched = rig.create({
    binds: [
      { source: volume, destination: "/mnt/volume", flags: MS.BIND | MS.REC },
      { source: file, destination: "/etc/file", flags: MS.BIND | MS.RDONLY | MS.NOEXEC },
    ],
    mountPoints: [{ destination: "/proc", kind: "dir" }],
    hostname: "shadow-host",
  });
  const pid = await launched.pid();
  const monitor = await rig.monitor();

  writeFileSync(`${treeOf(pid)}/mnt/volume/new`, "from the tree");
  expect(readFileSync(join(volume, "new"), "utf8")).toBe("from the tree");
  expect(readFileSync(`${treeOf(pid)}/etc/file`, "utf8")).toBe("content");
  expect(() => writeFileSync(`${treeOf(pid)}/etc/file`, "x")).toThrow("EROFS");
  expect(existsSync(`${treeOf(pid)}/proc/1`)).toBe(false);
  expect(existsSync(`/proc/${pid}/root/proc/1`)).toBe(true);
  const entered = (...command: string[]): string =>
    execFileSync("nsenter", ["-t", String(pid), ...command], { encoding: "utf8" });
  expect(entered("-u", "hostname").trim()).toBe("shadow-host");
  expect(readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(/^NSpid:\t\d+\t1$/m);
  expect(readlinkSync(`/proc/${pid}/cwd`)).toBe("/");
  expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("nk-shadow\n");
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(rig.dir);

  monitor.exit(0);
  expect(await launched.exit()).toBe(0);
});

test("symbolic links of the rootfs lead nowhere outside of it", async () => {
  mkdirSync(join(rig.rootfs, "etc"));
  symlinkSync("/etc", join(rig.rootfs, "data"));
  symlinkSync("../../../..", join(rig.rootfs, "up"));
  const source = join(rig.dir, "source");
  writeFileSync(source, "mine");
  const launched = rig.create({
    binds: [
      { source, destination: "/data/nk-escape", flags: MS.BIND },
      { source, destination: "/up/tmp/nk-escape", flags: MS.BIND },
    ],
  });
  const pid = await launched.pid();
  expect(readFileSync(`${treeOf(pid)}/etc/nk-escape`, "utf8")).toBe("mine");
  expect(readFileSync(`${treeOf(pid)}/tmp/nk-escape`, "utf8")).toBe("mine");
  expect(existsSync("/etc/nk-escape")).toBe(false);
  expect(existsSync("/tmp/nk-escape")).toBe(false);
  (await rig.monitor()).exit(0);
  expect(await launched.exit()).toBe(0);
});

test("a read-only rootfs keeps writable volumes, and sockets and devices can be bound", async () => {
  const volume = join(rig.dir, "volume");
  mkdirSync(volume);
  const server = createServer().listen(join(rig.dir, "a.sock"));
  const launched = rig.create({
    readonly: true,
    binds: [
      { source: volume, destination: "/volume", flags: MS.BIND | MS.REC | MS.PRIVATE },
      { source: join(rig.dir, "a.sock"), destination: "/run/a.sock", flags: MS.BIND },
      { source: "/dev/null", destination: "/dev/null", flags: MS.BIND },
    ],
  });
  const pid = await launched.pid();
  expect(() => writeFileSync(`${treeOf(pid)}/x`, "x")).toThrow("EROFS");
  writeFileSync(`${treeOf(pid)}/volume/x`, "x");
  writeFileSync(`${treeOf(pid)}/dev/null`, "x");
  expect(statSync(`${treeOf(pid)}/run/a.sock`).isSocket()).toBe(true);
  (await rig.monitor()).exit(0);
  expect(await launched.exit()).toBe(0);
  server.close();
});

test.each([
  [
    "a source that is missing",
    { source: "/no/such/source", destination: "/x", flags: MS.BIND },
    "/no/such/source: No such file",
  ],
  [
    "a folder on a file",
    { source: "/tmp", destination: "/f", flags: MS.BIND },
    "cannot mount /tmp on /f: the source is a directory, the other is not",
  ],
  [
    "the rootfs itself",
    { source: "/tmp", destination: "/", flags: MS.BIND },
    "the mount point / is the rootfs itself",
  ],
])("%s is an error that says so", async (_, bind, text) => {
  writeFileSync(join(rig.rootfs, "f"), "");
  const launched = rig.create({ binds: [bind] });
  expect(await launched.line()).toContain(text);
  expect(await launched.line()).toBe("");
  expect(await launched.exit()).toBe(1);
});

test("a monitor that cannot be started is an error, and the shadow goes", async () => {
  const launched = rig.create({ monitor: { argv: ["/no/such/node"], log: "/dev/null" } });
  const pid = await launched.pid();
  expect(await launched.line()).toContain("error cannot start the monitor /no/such/node");
  expect(await launched.exit()).toBe(1);
  expect(processStartTime(pid)).toBeUndefined();
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
  const folder = `/nano-sandbox-test-${process.pid}`;
  const cgroups = makeCgroup(folder);
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
    await removeCgroups(cgroups.map((path) => path.replace(/\/cgroup\.procs$/, "")));
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
    message: "rootfs /no/such/rootfs: No such file or directory",
  });
});
