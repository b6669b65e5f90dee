// A shadow, the confined server of its tree, and clients of that.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach } from "vitest";
import { Deadline } from "../../src/base/deadline.ts";
import { BoundedLog } from "../../src/host/bounded-log.ts";
import { MS } from "../../src/host/mount-flags.ts";
import { DiodServer, findDiod } from "../../src/share/diod.ts";
import type { Door } from "../../src/share/share.ts";
import { childOf } from "../fixtures/process-root.ts";
import { NinePClient } from "../fixtures/nine-p-client.ts";
import { buildNative, Rig } from "./shadow-rig.ts";

export const O_RDWR = 2;
export const EACCES = 13;
/** In a folder of another file system than the rootfs, as bind mounts of containers often are. */
const OTHER_FILE_SYSTEM = "/dev/shm";

/** Anew for each test. */
export let rig: Rig;
export let volume: string;
let log: BoundedLog;
let servers: DiodServer[];
let clients: NinePClient[];

/** To be called once by each file. */
export function useServers(): void {
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
}

export function door(): Extract<Door, { kind: "unix" }> {
  return { kind: "unix", path: join(rig.dir, "9p.sock"), port: 5640, uid: 0, gid: 0 };
}

export async function serve(shadowPid: number, where: Door = door()): Promise<DiodServer> {
  const server = new DiodServer(findDiod() ?? "", shadowPid, where, log);
  servers.push(server);
  await server.start(Deadline.after(10_000));
  return server;
}

export async function connectClient(): Promise<NinePClient> {
  const made = new NinePClient(door().path);
  clients.push(made);
  await made.start();
  return made;
}

/** A shadow with a file, a volume on another file system and a file of it, a server of its tree and a client that has attached. */
export async function served(): Promise<{ pid: number; server: DiodServer; peer: NinePClient }> {
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

export function serverPid(server: DiodServer): number {
  return childOf(server.pid ?? 0);
}

export async function listing(peer: NinePClient, ...path: string[]): Promise<string[]> {
  await peer.walk(0, 99, ...path);
  await peer.open(99, 0);
  const names = await peer.readdir(99);
  await peer.clunk(99);
  return names;
}

/** How far a walk came. */
export function qidsOf(answer: Buffer): number {
  return answer.readUInt16LE(0);
}
