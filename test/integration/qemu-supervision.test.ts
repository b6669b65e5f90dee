import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Deadline } from "../../src/base/deadline.ts";
import { NO_DISKS } from "../../src/image/root-disks.ts";
import { qemuDriver } from "../../src/vm/qemu/driver.ts";
import { resolveAccel } from "../../src/vm/qemu/settle.ts";
import type { SettledShape } from "../../src/vm/shape.ts";
import type { VirtualMachine } from "../../src/vm/virtual-machine.ts";
import { staticProgram } from "../fixtures/static-program.ts";
import { buildNative, Rig } from "./shadow-rig.ts";

let rig: Rig;
let dir: string;
let vm: VirtualMachine | undefined;

beforeAll(buildNative);

beforeEach(() => {
  rig = new Rig();
  dir = mkdtempSync(join(tmpdir(), "nk-qemu-"));
});

afterEach(async () => {
  await vm?.close();
  vm = undefined;
  rig.close();
  rmSync(dir, { recursive: true, force: true });
});

const kernel = {
  path: "/etc/hostname",
  file: "/etc/hostname",
  format: "elf",
  release: "6.1",
  shares: ["9p"],
  lacks: [],
} as const;

/** The fake does what its name says. */
function useFake(mode: string): void {
  const path = join(rig.dir, `qemu=${mode}`);
  if (!existsSync(path)) symlinkSync(staticProgram("fake-qemu", "fakes"), path);
  process.env["NK_QEMU"] = path;
}

async function fakeVm(
  mode: string,
  shape: Partial<SettledShape> = {},
  folder = { shadowPid: 0 },
): Promise<VirtualMachine> {
  useFake(mode);
  const program = process.env["NK_QEMU"] ?? "";
  const size = { vcpus: 1, memSizeMib: 128, debug: false };
  const settled = { vmm: "qemu", program, accel: "tcg", kernel, initrd: "/etc/passwd", ...size } as const;
  vm = await qemuDriver.create({
    id: "c1",
    stateDir: dir,
    shape: { ...settled, root: "share", ...shape },
    accelReason: "it was asked for",
    extraCmdline: "",
    folder,
    disks: NO_DISKS,
  });
  return vm;
}

async function bootedVm(mode: string): Promise<VirtualMachine> {
  const machine = await fakeVm(mode);
  await machine.boot(Deadline.after(5000));
  return machine;
}

/** Pids of the programs whose path begins with `text`. */
function processesWith(text: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return argv.startsWith(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

function isAlive(pid: number | undefined): boolean {
  return pid !== undefined && existsSync(`/proc/${pid}`);
}

describe("boot", () => {
  test("resolves once QEMU runs the guest, and the agent's port can be connected to", async () => {
    const machine = await bootedVm("ready");
    expect(isAlive(machine.pid)).toBe(true);
    const socket = await machine.connectAgent(Deadline.after(2000));
    socket.destroy();
    const again = await machine.connectAgent(Deadline.after(2000));
    again.destroy();
  });

  test("fails at once with QEMU's words when QEMU dies first", async () => {
    const machine = await fakeVm("exit-before-bind");
    await expect(machine.boot(Deadline.after(60_000))).rejects.toMatchObject({
      code: "VMM",
      phase: "start the VMM",
      message: expect.stringContaining("exited with code 1"),
      log: expect.stringContaining("could not allocate memory"),
      see: join(dir, "vmm.log"),
    });
  });

  test("fails at the deadline when QEMU says nothing", async () => {
    const machine = await fakeVm("never-bind");
    await expect(machine.boot(Deadline.after(500))).rejects.toMatchObject({ code: "TIMEOUT" });
    const { pid } = machine;
    await machine.close();
    expect(isAlive(pid)).toBe(false);
  });

  test.each([
    ["paused", "VMM", /in the state prelaunch/],
    ["too-old", "UNSUPPORTED", /QEMU 4\.2\.0 is too old/],
    ["rubbish", "VMM", /start the VMM|expected a JSON object/],
    ["endless-line", "VMM", /start the VMM|longer than/],
  ])("refuses a QEMU that is %s", async (mode, code, message) => {
    const machine = await fakeVm(mode);
    await expect(machine.boot(Deadline.after(5000))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});

describe("the end of a VM", () => {
  test.each([
    ["die-later", "crash", /exited with code 3/],
    ["panic", "panic", /panicked: No working init found/],
    ["panic-device", "panic", /panicked/],
    ["poweroff", "poweroff", /switched itself off/],
    ["internal-error", "crash", /internal-error/],
  ])("%s is told as %s", async (mode, reason, message) => {
    const machine = await bootedVm(mode);
    expect(await machine.exited).toMatchObject({ reason, message: expect.stringMatching(message) });
  });

  test("fails a connection that waits", async () => {
    const machine = await bootedVm("die-later");
    await machine.exited;
    await expect(machine.connectAgent(Deadline.after(2000))).rejects.toMatchObject({ code: "VMM" });
  });
});

describe("the server of a share", () => {
  /** The fake does what its name says. */
  const withServer = async (mode: string): Promise<VirtualMachine> => {
    const server = join(rig.dir, `virtiofsd-${mode}`);
    symlinkSync(staticProgram("fake-virtiofsd", "fakes"), server);
    process.env["NK_VIRTIOFSD"] = server;
    const folder = { shadowPid: await rig.create().pid() };
    return fakeVm("ready", { volumes: "virtiofs", server: process.env["NK_VIRTIOFSD"] }, folder);
  };

  test("is started before QEMU and ended with it, by force if need be", async () => {
    const machine = await withServer("deaf");
    await machine.boot(Deadline.after(5000));
    const [server] = processesWith(`${rig.dir}/virtiofsd-`);
    expect(isAlive(server)).toBe(true);
    await machine.stop(Deadline.after(1000));
    await machine.close();
    expect(isAlive(server)).toBe(false);
  });

  test("that dies at its start fails the boot with its words", async () => {
    const machine = await withServer("exit");
    await expect(machine.boot(Deadline.after(5000))).rejects.toMatchObject({
      code: "VMM",
      phase: "start virtiofsd",
      log: expect.stringContaining("source is not a directory"),
    });
  });

  test("that never listens costs the deadline", async () => {
    const machine = await withServer("never");
    await expect(machine.boot(Deadline.after(400))).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  test("that dies later ends the VM, which could only hang", async () => {
    const machine = await withServer("stay");
    await machine.boot(Deadline.after(5000));
    const [server] = processesWith(`${rig.dir}/virtiofsd-`);
    process.kill(server ?? 0, "SIGKILL");
    expect(await machine.exited).toMatchObject({
      reason: "crash",
      message: expect.stringMatching(/virtiofsd was killed by SIGKILL/),
    });
  });
});

describe("stop", () => {
  test.each([
    ["ready", { code: 0, signal: null }],
    ["ignore-quit", { code: null, signal: "SIGKILL" }],
  ])("ends a QEMU that is %s within the deadline", async (mode, end) => {
    const machine = await bootedVm(mode);
    const start = performance.now();
    const exit = await machine.stop(Deadline.after(1000));
    expect(exit).toMatchObject({ reason: "stopped", ...end });
    expect(performance.now() - start).toBeLessThan(1800);
    expect(await machine.stop(Deadline.after(1000))).toEqual(exit);
    expect(isAlive(machine.pid)).toBe(false);
  });

  test("of a VM that was never started is no error", async () => {
    const machine = await fakeVm("ready");
    expect(await machine.stop(Deadline.after(100))).toMatchObject({ reason: "stopped" });
  });
});

test("close ends a running VM, twice, and leaves only the logs", async () => {
  const machine = await bootedVm("ignore-quit");
  const { pid } = machine;
  await machine.close();
  await machine.close();
  expect(isAlive(pid)).toBe(false);
  expect(readdirSync(dir).toSorted()).toEqual(["console.log", "share.log", "vmm.log"]);
});

describe("the choice of KVM", () => {
  const verdict = (): unknown => JSON.parse(readFileSync(join(dir, "kvm-qemu.json"), "utf8"));

  test.runIf(existsSync("/dev/kvm"))("tries a guest once and remembers what came of it", async () => {
    useFake("panic");
    expect(await resolveAccel("auto", kernel, dir)).toMatchObject({ accel: "kvm" });
    const first = verdict();
    expect(first).toMatchObject({ usable: true });
    expect(await resolveAccel("auto", kernel, dir)).toMatchObject({ accel: "kvm" });
    expect(verdict()).toEqual(first); // with the time at which it was tried
  });

  test.runIf(existsSync("/dev/kvm"))("falls back aloud, and refuses when KVM is demanded", async () => {
    useFake("internal-error");
    const { accel, reason, detail } = await resolveAccel("auto", kernel, dir);
    expect(accel).toBe("tcg");
    expect(reason).toContain("a tiny guest under KVM did not run");
    expect(detail).toContain("internal-error");
    await expect(resolveAccel("kvm", kernel, dir)).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringMatching(/did not run.*--vm-accel=auto/),
    });
  });
});
