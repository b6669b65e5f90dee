import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Deadline } from "../../src/base/deadline.ts";
import { BoundedLog } from "../../src/host/bounded-log.ts";
import { MS } from "../../src/host/mount-flags.ts";
import { isAlive, processStartTime } from "../../src/host/process-info.ts";
import { detachTree } from "../../src/host/shadow-tree.ts";
import { DiodServer, findDiod } from "../../src/share/diod.ts";
import type { Door } from "../../src/share/share.ts";
import { childOf, OWNERS, sharedNamespaces, statusOf } from "../fixtures/process-root.ts";
import { NinePClient, T, text, u32, u64 } from "../fixtures/nine-p-client.ts";
import { buildNative, Rig, soon } from "./shadow-rig.ts";

/** The confined server of a share against clients that want out of it. */

const O_RDWR = 2;
const EACCES = 13;
/** In a folder of another file system than the rootfs, as bind mounts of containers often are. */
const OTHER_FILE_SYSTEM = "/dev/shm";

let rig: Rig;
let volume: string;
let log: BoundedLog;
let servers: DiodServer[];
let clients: NinePClient[];

beforeAll(buildNative);
beforeEach(() => {
  rig = new Rig();
  volume = join(OTHER_FILE_SYSTEM, `nk-serve-${process.pid}`);
  mkdirSync(volume, { recursive: true });
  log = new BoundedLog(join(rig.dir, "share.log"));
  servers = [];
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.close();
  for (const server of servers) await server.close();
  log.close();
  rig.close();
  rmSync(volume, { recursive: true });
});

function door(): Extract<Door, { kind: "unix" }> {
  return { kind: "unix", path: join(rig.dir, "9p.sock"), port: 5640, uid: 0, gid: 0 };
}

async function serve(shadowPid: number, where: Door = door()): Promise<DiodServer> {
  const server = new DiodServer(findDiod() ?? "", shadowPid, where, log);
  servers.push(server);
  await server.start(Deadline.after(10_000));
  return server;
}

async function connectClient(): Promise<NinePClient> {
  const made = new NinePClient(door().path);
  clients.push(made);
  await made.start();
  return made;
}

/** A shadow with a file, a volume on another file system and a file of it, a server of its tree and a client that has attached. */
async function served(): Promise<{ pid: number; server: DiodServer; peer: NinePClient }> {
  mkdirSync(join(rig.rootfs, "etc"));
  writeFileSync(join(rig.rootfs, "etc/motd"), "hello");
  writeFileSync(join(volume, "inside"), "of the volume");
  const pid = await rig
    .create({
      mounts: [
        { kind: "bind", source: volume, destination: "/vol", flags: MS.BIND | MS.REC },
        { kind: "volume", source: join(volume, "inside"), flags: MS.BIND | MS.RDONLY },
      ],
    })
    .pid();
  await rig.monitor();
  const server = await serve(pid);
  return { pid, server, peer: await connectClient() };
}

function serverPid(server: DiodServer): number {
  return childOf(server.pid ?? 0);
}

test("it serves the tree with what is mounted in it, and files are the host's own", async () => {
  const { peer } = await served();
  expect(await listing(peer)).toEqual(["0", "1", "proof", "rootfs"]);
  expect(await listing(peer, "rootfs")).toEqual(["etc", "proc", "vol"]);
  expect(await listing(peer, "0")).toEqual(["inside"]);
  await peer.walk(0, 20, "1");
  await peer.open(20, 0);
  expect((await peer.read(20, 0, 100)).toString()).toBe("of the volume");
  await peer.walk(0, 21, "0");
  await peer.create(21, "new", O_RDWR, 0o4750, 34);
  expect(await peer.write(21, 0, Buffer.from("from the guest"))).toBe(14);
  expect(readFileSync(join(volume, "new"), "utf8")).toBe("from the guest");
  const { mode, uid, gid } = lstatSync(join(volume, "new"));
  expect({ mode: mode & 0o7777, uid, gid }).toEqual({ mode: 0o4750, uid: 0, gid: 34 });
});

test("a user of the guest owns what it makes, and is checked by the guest alone", async () => {
  const { peer } = await served();
  writeFileSync(join(volume, "secret"), "the guest's kernel decides", { mode: 0o600 });
  await peer.attach(1, "/tree", 1234);
  await peer.walk(1, 2, "0");
  await peer.create(2, "mine", O_RDWR, 0o644, 56);
  const { uid, gid } = lstatSync(join(volume, "mine"));
  expect({ uid, gid }).toEqual({ uid: 1234, gid: 56 });
  await peer.walk(1, 3, "0", "secret");
  await peer.open(3, 0);
  expect((await peer.read(3, 0, 100)).toString()).toBe("the guest's kernel decides");
});

test("files of two file systems with the same inode number stay apart", async () => {
  const { peer } = await served();
  const inodeOf = async (fid: number, ...path: string[]): Promise<bigint> => {
    await peer.walk(0, fid, ...path);
    return (await peer.getattr(fid)).inode;
  };
  const low = (inode: bigint): bigint => inode & ((1n << 44n) - 1n);
  const onVolume = await inodeOf(1, "0", "inside");
  expect(await inodeOf(2, "1")).toBe(onVolume); // one file, bound twice
  const onRoot = await inodeOf(3, "rootfs", "etc", "motd");
  expect(onRoot - low(onRoot)).not.toBe(onVolume - low(onVolume));
  expect(low(onVolume)).toBe(low(BigInt(statSync(join(volume, "inside")).ino)));
});

describe("a guest that wants out", () => {
  test("cannot walk through a symbolic link of its own, wherever it leads", async () => {
    const { peer } = await served();
    await peer.walk(0, 9, "rootfs");
    for (const [name, target] of [
      ["root", "/"],
      ["up", "../../.."],
      ["proc-root", "/proc/1/root"],
    ] as const) {
      await peer.symlink(9, name, target);
      // The walk stops at the link: what is behind it cannot be named.
      expect(qidsOf(await peer.walk(9, 10, name, "etc"))).toBe(1);
      await peer.walk(9, 11, name);
      await expect(peer.open(11, 0)).rejects.toThrow();
      await peer.clunk(11);
    }
  });

  test("finds, above the tree, a root with the server and its libraries only, which it cannot change", async () => {
    const { peer } = await served();
    await peer.walk(0, 1, "..");
    await peer.open(1, 0);
    expect(await peer.readdir(1)).toEqual(["lib", "lib64", "tree", "usr"]);
    expect(qidsOf(await peer.walk(0, 2, "..", "..", "..", "etc"))).toBe(3);
    await peer.walk(0, 3, "..", "usr");
    await expect(peer.create(3, "new", O_RDWR, 0o644)).rejects.toMatchObject({ errno: 30 });
    await peer.walk(0, 4, "..", "lib64", "ld-linux-x86-64.so.2");
    await expect(peer.open(4, O_RDWR)).rejects.toMatchObject({ errno: 30 });
  });

  test.each(["", "/", "/etc", "/tree/..", "/proc", "ctl"])("cannot attach to %j", async (folder) => {
    const { peer } = await served();
    await expect(peer.attach(1, folder)).rejects.toThrow();
    expect(await listing(peer)).toEqual(["0", "1", "proof", "rootfs"]);
  });

  test("can make a device, and not open it", async () => {
    const { peer } = await served();
    await peer.walk(0, 9, "rootfs");
    await peer.mknod(9, "null", 0o20666, 1, 3);
    expect(statSync(join(rig.rootfs, "null")).rdev).toBe(0x103);
    await peer.walk(9, 1, "null");
    await expect(peer.open(1, O_RDWR)).rejects.toMatchObject({ errno: EACCES });
    await peer.walk(0, 2, "0");
    await peer.mknod(2, "kmsg", 0o20666, 1, 11);
    await peer.walk(2, 3, "kmsg");
    await expect(peer.open(3, O_RDWR)).rejects.toMatchObject({ errno: EACCES });
  });

  test("takes over a server that has nothing to give", async () => {
    const { server } = await served();
    const pid = serverPid(server);
    expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("diod\n");
    expect(["CapBnd", "CapPrm"].map((set) => statusOf(pid, set))).toEqual([OWNERS, OWNERS]);
    expect([statusOf(pid, "NoNewPrivs"), statusOf(pid, "Seccomp")]).toEqual(["1", "2"]);
    expect(sharedNamespaces(pid)).toEqual([]);
    expect(readdirSync(`/proc/${pid}/fd`).toSorted()).toEqual(["0", "1", "2"]);
    expect(readlinkSync(`/proc/${pid}/fd/0`)).toBe(readlinkSync(`/proc/${pid}/fd/1`));
    const mounts = readFileSync(`/proc/${pid}/mountinfo`, "utf8").trim().split("\n");
    expect(mounts.filter((line) => !/ (ro|rw),nosuid,nodev/.test(line))).toEqual([]);
    expect(mounts.filter((line) => / \/tree\S* rw/.test(line) && !/noexec\S*nosymfollow/.test(line))).toEqual(
      [],
    );
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).toBe("LD_PRELOAD=/lib/nk-one-device.so\0");
  });

  test("breaks the server at most, by a write before the start of an attribute", async () => {
    const { peer, server } = await served();
    await peer.walk(0, 1, "rootfs", "etc", "motd");
    await peer.ask(32, u32(1), text("user.x"), u64(16), u32(0)); // Txattrcreate
    const far = peer.ask(T.write, u32(1), u64(-(1n << 40n)), u32(8), Buffer.alloc(8));
    await expect(soon(far, "an answer")).rejects.toThrow("ended the connection");
    expect((await soon(server.failed, "the end of the server")).message).toContain(
      "diod was killed by SIGSEGV",
    );
  });
});

describe("connections", () => {
  test("one is served, and no other is taken", async () => {
    const { peer } = await served();
    const second = connect(door().path);
    const [error] = (await soon(once(second, "error"), "a refusal")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
    expect(await listing(peer)).toEqual(["0", "1", "proof", "rootfs"]);
  });

  test("the socket is the VMM's alone", async () => {
    const pid = await rig.create().pid();
    await serve(pid, { ...door(), uid: 123, gid: 456 });
    const { mode, uid, gid } = statSync(door().path);
    expect({ mode: mode & 0o777, uid, gid }).toEqual({ mode: 0o600, uid: 123, gid: 456 });
  });

  test("a path that is taken is an error with the reason", async () => {
    const pid = await rig.create().pid();
    writeFileSync(door().path, "");
    await expect(serve(pid)).rejects.toMatchObject({
      code: "VMM",
      log: expect.stringContaining("cannot listen on") as string,
    });
  });

  test("a shadow that is not there is an error with the reason", async () => {
    await expect(serve(0x3fffff)).rejects.toMatchObject({
      log: expect.stringContaining("cannot open the tree of the shadow") as string,
    });
  });
});

describe("the end", () => {
  test("of the connection is that of the server", async () => {
    const { peer, server } = await served();
    const pid = serverPid(server);
    peer.close();
    // diod 1.0.24 crashes now and then while it ends.
    const { message } = await soon(server.failed, "its end");
    expect(message).toMatch(/diod (exited with code 0|was killed by SIGSEGV)/);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  test("comes by close, before and after a connection, and twice", async () => {
    const { server, peer } = await served();
    const pid = serverPid(server);
    await server.close();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    await soon(peer.ended, "the end of the connection");
    await server.close();
    rmSync(door().path);
    const unused = await serve(await rig.create().pid());
    const waiting = serverPid(unused);
    await unused.close();
    expect(existsSync(`/proc/${waiting}`)).toBe(false);
  });

  test("of the server is told, and nothing of it is left when its parent is killed", async () => {
    const { server, peer } = await served();
    const pid = serverPid(server);
    const started = processStartTime(pid) ?? 0;
    process.kill(server.pid ?? 0, "SIGKILL");
    expect((await soon(server.failed, "its end")).message).toContain("diod was killed by SIGKILL");
    await soon(peer.ended, "the end of the connection");
    await expect.poll(() => isAlive(pid, started)).toBe(false);
  });
});

test("a tree that is mounted in the served one later appears, with neither devices nor links, and goes again", async () => {
  const { pid, peer } = await served();
  mkdirSync(join(rig.rootfs, "slot"));
  const other = join(rig.dir, "other");
  mkdirSync(join(other, "deep"), { recursive: true });
  writeFileSync(join(other, "deep/file"), "of a container");
  await attach(pid, "slot", other);
  expect(await listing(peer, "rootfs", "slot")).toEqual(["proof", "rootfs"]);
  expect(await listing(peer, "rootfs", "slot", "rootfs")).toEqual(["deep", "proc"]);
  expect(await listing(peer, "rootfs", "slot", "rootfs", "deep")).toEqual(["file"]);
  await peer.walk(0, 30, "rootfs", "slot", "rootfs");
  await peer.mknod(30, "zero", 0o20666, 1, 5);
  await peer.walk(30, 31, "zero");
  await expect(peer.open(31, O_RDWR)).rejects.toMatchObject({ errno: EACCES });
  await peer.symlink(30, "out", "/tree/rootfs/etc");
  expect(qidsOf(await peer.walk(30, 32, "out", "motd"))).toBe(1);
  await detachTree(pid, "slot");
  expect(await listing(peer, "rootfs", "slot")).toEqual([]);
});

/** Mounts a tree of its own on a folder of the shadow's, as for a container in a VM that runs; its monitor never answers. */
async function attach(shadowPid: number, folder: string, rootfs: string): Promise<void> {
  const control = join(rig.dir, "control.sock");
  const monitor = createServer().listen(control);
  rig.create({
    rootfs,
    monitor: { control, endpoint: "/", request: "{}", attachTo: shadowPid, folder },
  });
  const [socket] = (await soon(once(monitor, "connection"), "the shadow's connection")) as [Socket];
  await soon(once(socket, "data"), "its request, which comes after the mount");
  monitor.close();
}

async function listing(peer: NinePClient, ...path: string[]): Promise<string[]> {
  await peer.walk(0, 99, ...path);
  await peer.open(99, 0);
  const names = await peer.readdir(99);
  await peer.clunk(99);
  return names;
}

/** How far a walk came. */
function qidsOf(answer: Buffer): number {
  return answer.readUInt16LE(0);
}
