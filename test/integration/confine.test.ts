import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Deadline } from "../../src/base/deadline.ts";
import { BoundedLog } from "../../src/host/bounded-log.ts";
import type { Confinement } from "../../src/host/confinement.ts";
import { startDaemon, type Daemon } from "../../src/host/daemon.ts";
import { isAlive, processStartTime } from "../../src/host/process-info.ts";
import { librariesOf } from "../../src/host/program-files.ts";
import { VirtiofsShare } from "../../src/share/virtiofs.ts";
import { childOf, NONE, OWNERS, rootOf, sharedNamespaces, statusOf } from "../fixtures/process-root.ts";
import { VIRTIOFSDS } from "../fixtures/virtiofsd.ts";
import { buildNative, helper, Rig, soon } from "./shadow-rig.ts";

/** Roots of servers and VMMs: what is in them, and what is not. test/vm/confined.test.ts looks at those of a VM that runs. */

const BUSYBOX = "/bin/busybox";
let rig: Rig;
let log: BoundedLog;

beforeAll(buildNative);
beforeEach(() => {
  rig = new Rig();
  log = new BoundedLog(join(rig.dir, "log"));
});
afterEach(() => {
  log.close();
  rig.close();
});

describe.each(VIRTIOFSDS)("virtiofsd in $flavour", (server) => {
  const note = server.obstacle === undefined ? "" : ` (not tried: ${server.obstacle})`;

  test.skipIf(server.obstacle !== undefined)(`sees the tree and nothing else${note}`, async () => {
    mkdirSync(join(rig.rootfs, "etc"));
    writeFileSync(join(rig.rootfs, "etc/motd"), "hello");
    symlinkSync("/etc/passwd", join(rig.rootfs, "link"));
    const shadowPid = await rig.create().pid();
    const share = new VirtiofsShare(server, { shadowPid }, { stateDir: rig.dir, log });
    await share.start(Deadline.after(10_000));
    try {
      const pid = share.pid ?? 0;
      const libraries = await librariesOf(server.path);
      expect(rootOf(pid)).toEqual(["/proc/", "/tree/", server.path, ...libraries].toSorted());
      const root = `/proc/${pid}/root`;
      expect(readFileSync(`${root}/tree/rootfs/etc/motd`, "utf8")).toBe("hello");
      expect(existsSync(`${root}/etc/passwd`)).toBe(false);
      expect(() => readFileSync(`${root}/tree/rootfs/link`)).toThrow(/ELOOP/);
      expect(() => writeFileSync(`${root}/new`, "")).toThrow(/EROFS/);
      expect(() => writeFileSync(`${root}/proc/sys/kernel/core_pattern`, "")).toThrow(/EROFS/);
      expect(sharedNamespaces(pid)).toEqual([]);
      expect(existsSync(share.socketPath)).toBe(true);
    } finally {
      await share.close();
    }
    expect(existsSync(share.socketPath)).toBe(false);
  });
});

describe("a confined program", () => {
  /** A shell in a root of its own, and what it said when it had ended. */
  async function said(script: string, confinement: Partial<Confinement> = {}): Promise<string> {
    const daemon = start(script, confinement);
    await soon(daemon.exited, "its end");
    return log.tail(4096);
  }

  function start(script: string, confinement: Partial<Confinement> = {}): Daemon {
    const argv: [string, ...string[]] = [BUSYBOX, "sh", "-c", script];
    return startDaemon({
      name: "sh",
      argv,
      log,
      channels: 1,
      confinement: { libraries: [], ...confinement },
    });
  }

  test("has its program, what it is given, an empty environment and no processes but its own", async () => {
    expect(
      await said("echo $$; busybox ls / /bin; busybox cat /proc/1/comm; busybox env | busybox sort"),
    ).toBe(
      // The shell makes these variables itself.
      "1\n/:\nbin\nproc\n\n/bin:\nbusybox\nbusybox\nPATH=/sbin:/usr/sbin:/bin:/usr/bin\nPWD=/\nSHLVL=1",
    );
    const file = join(rig.dir, "given");
    writeFileSync(file, "given text");
    expect(await said(`read -r text <${file}; echo "$text"; echo no >${file}`, { files: [file] })).toMatch(
      /given text\nsh: can't create .*given: Read-only file system$/,
    );
  });

  test("is a user of its own and has no capability, whatever it executes", async () => {
    const daemon = start("read -r line <&3", { user: 2_000_000_123 });
    const pid = await settled(daemon);
    for (const set of ["CapBnd", "CapPrm", "CapEff"]) expect(statusOf(pid, set)).toBe(NONE);
    for (const set of ["Uid", "Gid"])
      expect(statusOf(pid, set).split("\t")).toEqual(Array(4).fill("2000000123"));
    expect(statusOf(pid, "Groups").trim()).toBe("");
    expect([statusOf(pid, "NoNewPrivs"), statusOf(pid, "Seccomp")]).toEqual(["1", "2"]);
    expect(sharedNamespaces(pid)).toEqual([]);
    daemon.kill("SIGKILL");
    await soon(daemon.exited, "its end");
  });

  test("with a tree may act for the owners of its files", async () => {
    const daemon = start("read -r line <&3", { shadowPid: await rig.create().pid() });
    const pid = await settled(daemon);
    for (const set of ["CapBnd", "CapPrm", "CapEff"]) expect(statusOf(pid, set)).toBe(OWNERS);
    daemon.kill("SIGKILL");
    await soon(daemon.exited, "its end");
  });

  test("with a tree sees that alone, also when its shadow and itself were started in a chroot", async () => {
    // The kernel lets a chroot pivot when its root is a mount; the root of the namespace is the host's still.
    const host = join(rig.dir, "host");
    mkdirSync(host);
    const script = `mount --rbind / ${host} && exec chroot ${host} "$@"`;
    const chroot = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"];
    const shadowPid = await rig.create({}, [...chroot, helper, "create"]).pid();
    expect(await said("busybox ls /tree", { shadowPid })).toBe("proof\nrootfs");
    const confined = [helper, "confine", "--", BUSYBOX, "sh", "-c", "echo; read -r line"];
    const launcher = spawn(chroot[0] ?? "", [...chroot.slice(1), ...confined], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    try {
      await soon(once(launcher.stdout, "data"), "the program's line");
      const enter = ["--mount", `--target=${childOf(launcher.pid ?? 0)}`, BUSYBOX, "ls", "/"];
      const { stdout } = spawnSync("nsenter", enter, { encoding: "utf8" });
      expect(stdout).toBe("bin\nproc\n");
    } finally {
      launcher.kill("SIGKILL");
    }
  });

  test("refuses a tree that is not the root of its namespace", async () => {
    const unused = Array.from({ length: 7 }, () => "ignore" as const);
    const tree = ["/proc/self/ns/mnt", rig.rootfs].map((path) => openSync(path, "r"));
    const shadow = spawn("cat", { stdio: ["pipe", "ignore", "inherit", ...unused, ...tree] });
    for (const fd of tree) closeSync(fd);
    try {
      await soon(once(shadow, "spawn"), "the start of what poses as a shadow");
      expect(await said("busybox ls /tree", { shadowPid: shadow.pid ?? 0 })).toContain(
        "has another root than its tree",
      );
    } finally {
      shadow.kill("SIGKILL");
    }
  });

  test("gets sockets of the host: one that listens, one that is connected", async () => {
    const path = join(rig.dir, "s.sock");
    const sockets = [
      { kind: "listen", fd: 8, path },
      { kind: "connect", fd: 9, path },
    ] as const;
    const shadowPid = await rig.create().pid();
    expect(
      await said("for fd in 8 9; do busybox readlink /proc/self/fd/$fd; done", { shadowPid, sockets }),
    ).toMatch(/^socket:\[\d+\]\nsocket:\[\d+\]$/);
    expect(await said("", { sockets })).toMatch(/cannot listen on .*s\.sock: Address already in use/);
  });

  test("ends as it would without a root of its own, and with whoever started it", async () => {
    expect(await soon(start("exit 7").exited, "its end")).toEqual({ code: 7, signal: null });
    const daemon = start("read -r line <&3");
    const pid = await settled(daemon);
    process.kill(pid, "SIGSEGV");
    process.kill(pid, "SIGKILL");
    expect(await soon(daemon.exited, "its end")).toEqual({ code: null, signal: "SIGKILL" });
    const other = start("read -r line <&3");
    const child = await settled(other);
    const started = processStartTime(child) ?? 0;
    other.kill("SIGTERM");
    expect(await soon(other.exited, "its end")).toEqual({ code: null, signal: "SIGKILL" });
    expect(isAlive(child, started)).toBe(false);
  });

  test("that is no program of this machine is named before it is tried", async () => {
    const script = join(rig.dir, "script");
    writeFileSync(script, "#!/bin/sh\n", { mode: 0o755 });
    await expect(librariesOf(script)).rejects.toMatchObject({
      code: "HOST",
      message: expect.stringContaining("found a script: name the program itself") as string,
    });
    expect(await librariesOf(BUSYBOX)).toEqual([]);
  });

  test("has the libraries of now, also when one of them was changed", async () => {
    compile("other.c", "int other(void) { return 0; }", "-shared", "-fPIC", "-o", "libother.so");
    compile("first.c", "int first(void) { return 0; }", "-shared", "-fPIC", "-o", "libfirst.so");
    compile("main.c", "int first(void); int main(void) { return first(); }", "-o", "main", "-lfirst");
    const named = async (): Promise<string[]> =>
      (await librariesOf(join(rig.dir, "main"))).map((path) => basename(path));
    const before = await named();
    expect([before.includes("libfirst.so"), before.includes("libother.so")]).toEqual([true, false]);
    expect(await named()).toEqual(before);
    const source = "int other(void); int first(void) { return other(); }";
    compile("first.c", source, "-shared", "-fPIC", "-o", "libfirst.so", "-lother");
    expect(await named()).toContain("libother.so");
  });
});

/** A source of the rig's folder, with libraries of that folder. */
function compile(name: string, source: string, ...options: string[]): void {
  writeFileSync(join(rig.dir, name), `${source}\n`);
  execFileSync("gcc", [name, ...options, "-L.", `-Wl,-rpath,${rig.dir}`], { cwd: rig.dir });
}

/** The pid of the shell, once it is one. */
async function settled(daemon: Daemon): Promise<number> {
  await expect.poll(() => readFileSync(`/proc/${daemon.pid}/comm`, "utf8")).toBe("busybox\n");
  return daemon.pid ?? 0;
}
