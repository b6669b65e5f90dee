import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Deadline } from "../../src/base/deadline.ts";
import { BoundedLog } from "../../src/host/bounded-log.ts";
import { sandboxUser } from "../../src/host/sandbox-user.ts";
import type { Disk, PendingDisks } from "../../src/image/root-disks.ts";
import { VirtiofsShare } from "../../src/share/virtiofs.ts";
import { QemuMachine } from "../../src/vm/qemu/machine.ts";
import { programRoot } from "../../src/vm/qemu/program-root.ts";
import type { SettledShape } from "../../src/vm/shape.ts";
import { OWNERS } from "../fixtures/process-root.ts";
import { staticProgram } from "../fixtures/static-program.ts";
import { buildNative, Rig } from "./shadow-rig.ts";

/** A QEMU and a virtiofsd that are taken over: a program in their place, started by the same path, tries to get out (test/fixtures/taken-over.c). */

const program = staticProgram("taken-over");
let rig: Rig;

beforeAll(buildNative);
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => {
  rig.close();
});

interface Tried {
  reads: string[];
  writes: string[];
  held: string[];
  escaped: string[];
  rights: string;
}

/** What the program says it could do. */
function readTries(text: string): Tried {
  const after = (start: string): string[] =>
    text
      .split("\n")
      .filter((line) => line.startsWith(start))
      .map((line) => line.slice(start.length))
      .toSorted();
  expect(text).toContain("all was tried");
  return {
    reads: after("reads "),
    writes: after("writes "),
    held: after("held: "),
    escaped: after("ESCAPED: "),
    rights: after("user ").join(),
  };
}

const TRIES = 18;

async function inPlaceOfQemu(
  changes: Partial<SettledShape> = {},
  shadowPid = 0,
  disks: readonly Disk[] = [],
): Promise<Tried> {
  const kernel = join(rig.dir, "kernel");
  writeFileSync(kernel, "a kernel that root alone may read, as on Ubuntu", { mode: 0o600 });
  const initrd = join(rig.dir, "initrd");
  writeFileSync(initrd, "");
  const shape: SettledShape = {
    vmm: "qemu",
    program,
    accel: "tcg",
    kernel: { path: kernel, file: kernel, format: "elf", release: "6.1", shares: ["9p"], lacks: [] },
    initrd,
    vcpus: 1,
    memSizeMib: 128,
    root: "disk",
    debug: false,
    ...changes,
  };
  const pending: PendingDisks = { slots: Promise.resolve(disks), ready: Promise.resolve(disks) };
  const machine = new QemuMachine({
    id: "taken-over",
    stateDir: rig.dir,
    shape,
    accelReason: "for a test",
    extraCmdline: "",
    folder: { shadowPid },
    disks: pending,
  });
  await expect(machine.boot(Deadline.after(20_000))).rejects.toThrow();
  expect(await machine.exited).toMatchObject({ code: 7 });
  await machine.close();
  return readTries(readFileSync(join(rig.dir, "vmm.log"), "utf8"));
}

const ownFiles = (): string[] => [program, join(rig.dir, "kernel"), join(rig.dir, "initrd")];

describe("in the place of QEMU", () => {
  const accels = existsSync("/dev/kvm") ? (["tcg", "kvm"] as const) : (["tcg"] as const);

  test.each(accels)("that serves no tree, with %s", async (accel) => {
    const { files = [], devices = [] } = await programRoot(program, accel);
    const tried = await inPlaceOfQemu({ accel });
    expect(tried.escaped).toEqual([]);
    expect(tried.held).toHaveLength(TRIES);
    expect(tried.reads).toEqual([...ownFiles(), ...files, ...devices].toSorted());
    expect(tried.writes).toEqual(devices.toSorted());
    expect(tried.rights).toBe(`${sandboxUser()}, capabilities 0`);
  });

  test("disks are all that it can write", async () => {
    const disks = ["image", "written"].map((name, index) => {
      const path = join(rig.dir, name);
      writeFileSync(path, "", { mode: index === 0 ? 0o644 : 0o600 });
      return { path, file: path, readOnly: index === 0 };
    });
    const tried = await inPlaceOfQemu({}, 0, disks);
    expect(tried.escaped).toEqual([]);
    expect(tried.reads).toEqual(expect.arrayContaining(["/disk0", "/disk1"]));
    expect(tried.writes).toEqual(["/dev/null", "/disk1"]);
  });

  test("that serves the tree itself", async () => {
    const shadowPid = await rig.create().pid();
    const { files = [] } = await programRoot(program, "tcg");
    const tried = await inPlaceOfQemu({ root: "share", volumes: "9p" }, shadowPid);
    expect(tried.escaped).toEqual([]);
    expect(tried.held).toHaveLength(TRIES);
    expect(tried.reads).toEqual([...ownFiles(), ...files, "/dev/null"].toSorted());
    expect(tried.writes).toEqual(["/dev/null"]);
    expect(tried.rights).toBe(`0, capabilities ${OWNERS.replace(/^0+/, "")}`);
  });

  test("with a network of its own reaches the host's as its user, and nothing else", async () => {
    const tried = await inPlaceOfQemu({ card: { backend: "slirp" } });
    expect(tried.escaped.filter((what) => what !== "network cards")).toEqual(["sockets of the internet"]);
    expect(tried.reads).toContain("/etc/resolv.conf");
    expect(tried.writes).toEqual(["/dev/null"]);
    expect(tried.rights).toBe(`${sandboxUser()}, capabilities 0`);
  });

  test("with --vm-confine=off: the same tries get out, in the same root", async () => {
    const tried = await inPlaceOfQemu({ isUnlocked: true });
    expect(tried.escaped).toEqual(expect.arrayContaining(["mounts", "namespaces", "ptrace", "sockets"]));
    expect(tried.rights).toMatch(/^0, capabilities [0-9a-f]{8,}$/);
  });
});

test("in the place of virtiofsd", async () => {
  const log = new BoundedLog(join(rig.dir, "log"));
  const shadowPid = await rig.create().pid();
  const share = new VirtiofsShare(
    { path: program, flavour: "rust" },
    { shadowPid },
    { stateDir: rig.dir, log },
  );
  await expect(share.start(Deadline.after(20_000))).rejects.toThrow(/exited with code 7/);
  const tried = readTries(log.tail(65_536));
  await share.close();
  log.close();
  expect(tried.escaped).toEqual([]);
  // It may make a folder its root, until it has locked itself.
  expect(tried.held).toHaveLength(TRIES + 1);
  expect(tried.reads).toEqual([program]);
  expect(tried.writes).toEqual([]);
  expect(tried.rights).toBe("0, capabilities 880401db");
});
