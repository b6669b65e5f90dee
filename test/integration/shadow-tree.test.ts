import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { MS } from "../../src/host/mount-flags.ts";
import type { PlannedMount } from "../../src/host/shadow-plan.ts";
import { buildNative, Rig } from "./shadow-rig.ts";

/** The container's files on the host: as the guest gets them, and as whoever enters the shadow sees them. */

let rig: Rig;
beforeAll(buildNative);
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.close());

/** What the guest gets: the root file system and volumes, in pieces. */
function sharedTree(pid: number): string {
  return `/proc/${pid}/fd/11/.`;
}

/** What whoever enters the shadow sees: all of it in its place. */
function view(pid: number): string {
  return `/proc/${pid}/root`;
}

test("an inner volume is a folder below another, and is not looked for behind a link", async () => {
  mkdirSync(join(rig.dir, "bundle/a/rootfs"), { recursive: true });
  symlinkSync(rig.dir, join(rig.dir, "bundle/a/link"));
  symlinkSync("a", join(rig.dir, "bundle/b"));
  const inner = (name: string): PlannedMount[] => [
    { kind: "inner", source: join(rig.dir, "bundle"), name, flags: MS.BIND | MS.REC },
  ];
  const pid = await rig.create({ mounts: inner("a/rootfs") }).pid();
  writeFileSync(`${sharedTree(pid)}/0/new`, "from the guest");
  expect(readFileSync(join(rig.dir, "bundle/a/rootfs/new"), "utf8")).toBe("from the guest");
  for (const name of ["a/link", "b/rootfs", "a/../../rootfs", "none"]) {
    const refused = rig.create({ mounts: inner(name) });
    expect(await refused.line()).toMatch(`error cannot find the folder ${name} in `);
  }
});

test("the root file system is not looked for behind a link, which another container may have made meanwhile", async () => {
  const link = join(rig.dir, "link");
  symlinkSync(rig.dir, link);
  const refused = rig.create({ rootfs: rig.rootfs.replace(rig.dir, link) });
  expect(await refused.line()).toMatch(/error cannot open the rootfs .*without following links/);
});

test("the guest gets the root file system and, beside it, each volume; the shadow has them in place", async () => {
  const volume = join(rig.dir, "volume");
  const file = join(rig.dir, "file");
  mkdirSync(volume);
  writeFileSync(file, "content");
  const launched = rig.create({
    mounts: [
      { kind: "cover", destination: "/proc" },
      { kind: "bind", source: volume, destination: "/mnt/volume", flags: MS.BIND | MS.REC },
      { kind: "bind", source: file, destination: "/etc/file", flags: MS.BIND | MS.RDONLY | MS.NOEXEC },
      { kind: "volume", source: volume, flags: MS.BIND | MS.RDONLY },
    ],
    hostname: "shadow-host",
  });
  const pid = await launched.pid();
  const monitor = await rig.monitor();

  const shared = sharedTree(pid);
  expect(readdirSync(shared).toSorted()).toEqual(["0", "1", "2", "proof", "rootfs"]);
  expect(() => writeFileSync(`${shared}/x`, "x")).toThrow("EROFS");
  writeFileSync(`${shared}/0/new`, "from the guest");
  expect(readFileSync(join(volume, "new"), "utf8")).toBe("from the guest");
  expect(readFileSync(`${shared}/1`, "utf8")).toBe("content");
  expect(() => writeFileSync(`${shared}/1`, "x")).toThrow("EROFS");
  expect(() => writeFileSync(`${shared}/2/x`, "x")).toThrow("EROFS");
  expect(statSync(`${shared}/rootfs/etc/file`).size).toBe(0);
  expect(readdirSync(`${shared}/rootfs/proc`)).toEqual([]);
  expect(readdirSync(`${shared}/rootfs/mnt/volume`)).toEqual([]);

  expect(readFileSync(`${view(pid)}/mnt/volume/new`, "utf8")).toBe("from the guest");
  expect(readFileSync(`${view(pid)}/etc/file`, "utf8")).toBe("content");
  expect(() => writeFileSync(`${view(pid)}/etc/file`, "x")).toThrow("EROFS");
  expect(existsSync(`${view(pid)}/proc/1`)).toBe(true);
  const entered = (...command: string[]): string =>
    execFileSync("nsenter", ["-t", String(pid), ...command], { encoding: "utf8" });
  expect(entered("-u", "hostname").trim()).toBe("shadow-host");
  expect(readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(/^NSpid:\t\d+\t1$/m);
  expect(readlinkSync(`/proc/${pid}/cwd`)).toBe("/");
  expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("nk-holder\n");
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(rig.dir);
  // Nothing but the view can be entered.
  expect(readFileSync(`/proc/${pid}/mountinfo`, "utf8").split("\n").length).toBe(1 + 1 + 2 + 1 + 1);

  monitor.exit(0);
  expect(await launched.exit()).toBe(0);
});

test("symbolic links of the rootfs lead nowhere outside of it", async () => {
  mkdirSync(join(rig.rootfs, "etc"));
  symlinkSync("/etc", join(rig.rootfs, "data"));
  symlinkSync("../../../..", join(rig.rootfs, "up"));
  symlinkSync("/not/there", join(rig.rootfs, "etc/dangling"));
  const source = join(rig.dir, "source");
  writeFileSync(source, "mine");
  const bind = (destination: string) => ({ kind: "bind", source, destination, flags: MS.BIND }) as const;
  const launched = rig.create({
    mounts: [bind("/data/nk-escape"), bind("/up/tmp/nk-escape"), bind("/etc/dangling")],
  });
  const pid = await launched.pid();
  for (const place of ["etc/nk-escape", "tmp/nk-escape", "not/there"])
    expect(readFileSync(`${view(pid)}/${place}`, "utf8")).toBe("mine");
  expect(existsSync("/etc/nk-escape")).toBe(false);
  expect(existsSync("/tmp/nk-escape")).toBe(false);
  (await rig.monitor()).exit(0);
  expect(await launched.exit()).toBe(0);
});

test("a place is looked up in what is mounted by then", async () => {
  mkdirSync(join(rig.rootfs, "run"));
  mkdirSync(join(rig.rootfs, "var"));
  symlinkSync("/run", join(rig.rootfs, "var/run"));
  symlinkSync("/etc", join(rig.rootfs, "run/covered"));
  const volume = join(rig.dir, "volume");
  mkdirSync(join(volume, "real"), { recursive: true });
  symlinkSync("real", join(volume, "link"));
  const source = join(rig.dir, "source");
  writeFileSync(source, "mine");
  const bind = (from: string, destination: string) =>
    ({ kind: "bind", source: from, destination, flags: MS.BIND }) as const;
  const launched = rig.create({
    mounts: [
      bind(volume, "/data"),
      bind(source, "/data/link/file"),
      { kind: "cover", destination: "/run" },
      bind(source, "/var/run/covered/file"),
      { kind: "cover", destination: "/copied/up" },
    ],
  });
  const pid = await launched.pid();
  expect(readFileSync(`${view(pid)}/data/real/file`, "utf8")).toBe("mine");
  expect(readdirSync(join(volume, "real"))).toEqual(["file"]);
  expect(readFileSync(`${view(pid)}/run/covered/file`, "utf8")).toBe("mine");
  expect(readdirSync(join(rig.rootfs, "run"))).toEqual(["covered"]);
  expect(existsSync(join(rig.rootfs, "etc"))).toBe(false);
  expect(() => writeFileSync(`${view(pid)}/run/x`, "x")).toThrow("EROFS");
  expect(readdirSync(join(rig.rootfs, "copied"))).toEqual(["up"]);
  expect(() => writeFileSync(`${view(pid)}/copied/up/x`, "x")).toThrow("EROFS");
  (await rig.monitor()).exit(0);
  expect(await launched.exit()).toBe(0);
});

test("a read-only rootfs keeps writable volumes, and sockets and devices can be bound", async () => {
  const volume = join(rig.dir, "volume");
  mkdirSync(volume);
  const server = createServer().listen(join(rig.dir, "a.sock"));
  const flags = MS.BIND;
  const launched = rig.create({
    readonly: true,
    mounts: [
      { kind: "bind", source: volume, destination: "/volume", flags: MS.BIND | MS.REC | MS.PRIVATE },
      { kind: "bind", source: join(rig.dir, "a.sock"), destination: "/run/a.sock", flags },
      { kind: "bind", source: "/dev/null", destination: "/dev/null", flags },
    ],
  });
  const pid = await launched.pid();
  for (const rootfs of [view(pid), `${sharedTree(pid)}/rootfs`])
    expect(() => writeFileSync(`${rootfs}/x`, "x")).toThrow("EROFS");
  writeFileSync(`${view(pid)}/volume/x`, "x");
  writeFileSync(`${sharedTree(pid)}/0/x`, "x");
  writeFileSync(`${view(pid)}/dev/null`, "x");
  expect(statSync(`${view(pid)}/run/a.sock`).isSocket()).toBe(true);
  expect(statSync(`${sharedTree(pid)}/1`).isSocket()).toBe(true);
  (await rig.monitor()).exit(0);
  expect(await launched.exit()).toBe(0);
  server.close();
});

test("what the host mounts below a slave volume later is there, and below another is not", async () => {
  const outside = join(rig.dir, "outside");
  mkdirSync(join(outside, "slot"), { recursive: true });
  const tmpfs = (at: string): void => void execFileSync("mount", ["-t", "tmpfs", "tmpfs", at]);
  tmpfs(outside);
  execFileSync("mount", ["--make-shared", outside]);
  mkdirSync(join(outside, "slot"));
  try {
    const bind = (destination: string, kind: number) =>
      ({ kind: "bind", source: outside, destination, flags: MS.BIND | MS.REC | kind }) as const;
    const launched = rig.create({
      mounts: [bind("/slave", MS.SLAVE), bind("/private", MS.PRIVATE), bind("/shared", MS.SHARED)],
    });
    const pid = await launched.pid();
    tmpfs(join(outside, "slot"));
    writeFileSync(join(outside, "slot/later"), "");
    const seen = ["0", "1", "2"].map((name) => readdirSync(`${sharedTree(pid)}/${name}/slot`).length);
    expect(seen).toEqual([1, 0, 1]);
    expect(readdirSync(`${view(pid)}/slave/slot`)).toEqual(["later"]);
    // Nothing goes the other way.
    expect(readFileSync(`/proc/${pid}/mountinfo`, "utf8")).not.toMatch(/shared:/);
    (await rig.monitor()).exit(0);
    expect(await launched.exit()).toBe(0);
  } finally {
    execFileSync("umount", ["-R", "-l", outside]);
  }
});

test.each([
  [
    "a source that is missing",
    { kind: "bind", source: "/no/such/source", destination: "/x", flags: MS.BIND },
    "/no/such/source: No such file",
  ],
  [
    "a folder on a file",
    { kind: "bind", source: "/tmp", destination: "/f", flags: MS.BIND },
    "cannot mount /tmp on /f: the source is a directory, the other is not",
  ],
  [
    "the rootfs itself",
    { kind: "bind", source: "/tmp", destination: "/", flags: MS.BIND },
    "the mount point / is the rootfs itself",
  ],
] as const)("%s is an error that says so", async (_, bind, text) => {
  writeFileSync(join(rig.rootfs, "f"), "");
  const launched = rig.create({ mounts: [bind] });
  expect(await launched.line()).toContain(text);
  expect(await launched.line()).toBe("");
  expect(await launched.exit()).toBe(1);
});
