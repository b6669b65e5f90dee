import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isAlive, processStartTime } from "../../src/host/process-info.ts";
import { detachTree } from "../../src/host/shadow-tree.ts";
import {
  door,
  EACCES,
  listing,
  O_RDWR,
  qidsOf,
  rig,
  serve,
  served,
  serverPid,
  useServers,
  volume,
} from "./serve-rig.ts";
import { soon } from "./shadow-rig.ts";

/** The confined server of a share. What its clients try against it is in serve-escape.test.ts. */
useServers();

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
