// Firecracker in its jail, with the stand-ins of both: what the process is and sees, and that nothing of it remains.
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AgentConnection } from "../../src/agent/connection.ts";
import { Deadline } from "../../src/base/deadline.ts";
import { NkError } from "../../src/base/errors.ts";
import type { PendingDisks } from "../../src/image/root-disks.ts";
import type { VirtualMachine } from "../../src/vm/virtual-machine.ts";
import { FAKE_FIRECRACKER, HAS_KVM } from "../fixtures/fake-firecracker.ts";
import { Machines, read, soon } from "./firecracker-driver-rig.ts";

let machines: Machines;

beforeEach(() => {
  machines = new Machines();
});

afterEach(async () => {
  delete process.env["NK_JAILER"];
  vi.restoreAllMocks();
  await machines.close();
});

const JAILED = { jailer: "on" } as const;

/** One disk to read and one to write. */
function disks(): PendingDisks & { paths: string[] } {
  const paths = ["ro", "rw"].map((name) => join(machines.folder, `disk-${name}`));
  for (const path of paths) writeFileSync(path, Buffer.alloc(4096));
  const made = paths.map((path, index) => ({ path, file: path, readOnly: index === 0 }));
  return { slots: Promise.resolve(made), ready: Promise.resolve(made), paths };
}

async function hello(vm: VirtualMachine): Promise<void> {
  const connection = new AgentConnection(await vm.connectAgent(soon()), { frame() {} }, () => {});
  await soon().race(connection.hello, "hello");
  connection.close();
}

/** A line of /proc/PID/status, as its words. */
function status(pid: number | undefined, name: string): string[] {
  const line = new RegExp(`^${name}:(.*)$`, "m").exec(read(`/proc/${pid}/status`))?.[1] ?? "";
  return line.split(/\s+/).filter(Boolean);
}

describe.runIf(HAS_KVM)("a jailed Firecracker", () => {
  test("is a user of its own, with no groups, and few files open", async () => {
    const vm = await machines.boot({}, {}, JAILED);
    const uid = String(2_000_000_000 + process.pid);
    expect(status(vm.pid, "Uid")).toEqual([uid, uid, uid, uid]);
    expect(status(vm.pid, "Gid")).toEqual([uid, uid, uid, uid]);
    expect(status(vm.pid, "Groups")).toEqual([]);
    expect(read(`/proc/${vm.pid}/limits`)).toMatch(/Max open files +2048 +2048/);
  });

  test("sees its own files only, and can write to those that are the VM's", async () => {
    const { paths, ...pending } = disks();
    const stateDir = machines.stateDir();
    const vm = await machines.boot({}, { stateDir, disks: pending }, JAILED);
    const mounts = read(`/proc/${vm.pid}/mountinfo`).trimEnd().split("\n");
    const writable = (name: string): boolean | undefined => {
      const fields = mounts.map((line) => line.split(" ")).find((each) => each[4] === name);
      return fields?.[5]?.split(",").includes("rw");
    };
    expect(["/kernel", "/initrd", "/disk0"].map(writable)).toEqual([false, false, false]);
    expect(["/disk1", "/metrics", "/log"].map(writable)).toEqual([true, true, true]);
    const names = readdirSync(`/proc/${vm.pid}/root`);
    for (const name of ["root", "home", "etc", "tmp", "var"]) expect(names).not.toContain(name);
    const uid = 2_000_000_000 + process.pid;
    expect(paths.map((path) => statSync(path).uid)).toEqual([0, uid]);
    expect(statSync(machines.kernel).uid).toBe(0);
    expect(await vm.metrics()).toMatchObject({
      disks: [{ name: "vda" }, { name: "vdb" }],
      refusedRequests: 0,
    });
    expect(read(join(stateDir, "vmm.log"))).toContain("Running Firecracker");
  });

  test("reaches us over vsock, and is stopped like any other", async () => {
    const vm = await machines.boot({ guest: "agent" }, {}, JAILED);
    await hello(vm);
    await hello(vm);
    expect(await vm.stop(Deadline.after(1000))).toMatchObject({ reason: "stopped", signal: "SIGTERM" });
  });

  test("is in the network that is named", async () => {
    const holder = spawn("unshare", ["--net", "sh", "-c", "echo; exec sleep 60"]);
    try {
      await new Promise((resolve) => holder.stdout.once("data", resolve));
      const netns = `/proc/${holder.pid}/ns/net`;
      const vm = await machines.boot({}, { netns }, JAILED);
      expect(readlinkSync(`/proc/${vm.pid}/ns/net`)).toBe(readlinkSync(netns));
      expect(readlinkSync(`/proc/${vm.pid}/ns/net`)).not.toBe(readlinkSync("/proc/self/ns/net"));
    } finally {
      holder.kill("SIGKILL");
    }
  });

  test("is told by its death, and its place is free again at once", async () => {
    const stateDir = machines.stateDir();
    for (const end of ["SIGKILL", "SIGTERM", undefined] as const) {
      const vm = await machines.boot({ guest: "agent" }, { stateDir }, JAILED);
      if (end !== undefined) process.kill(vm.pid ?? 0, end);
      if (end !== undefined) expect(await vm.exited).toMatchObject({ reason: "crash", signal: end });
      await vm.close();
    }
  });

  test("of a monitor that was killed is in nobody's way", async () => {
    const stateDir = machines.stateDir();
    mkdirSync(join(stateDir, "jail"));
    for (const name of ["log.fifo", "keys.fifo", "metrics.fifo"])
      execFileSync("mkfifo", [join(stateDir, name)]);
    await machines.boot({}, { stateDir }, JAILED);
  });

  test.each([
    ["exit-before-bind:148", /exited with code 148 \(.*seccomp/],
    ["start-refused:kvm-permission", /may not open \/dev\/kvm: give its user read and write access/],
  ])("with the fault %s leaves nothing behind", async (fault, message) => {
    const vm = await machines.create({ fault }, {}, JAILED);
    await expect(vm.boot(soon())).rejects.toMatchObject({ message: expect.stringMatching(message) });
  });

  test("that the jailer does not start is told in the jailer's words", async () => {
    const vm = await machines.create({}, { netns: "/nowhere/net" }, JAILED);
    const error = await vm.boot(soon()).then(
      () => undefined,
      (reason: unknown) => reason as NkError,
    );
    expect(error).toMatchObject({
      code: "VMM",
      message: expect.stringMatching(/^start the VMM: Firecracker exited/),
    });
    expect(error?.log).toContain("/nowhere/net");
  });

  test("is not started where its user may not read the kernel or the initramfs", async () => {
    for (const path of [machines.initrd, machines.kernel]) {
      chmodSync(path, 0o640);
      await expect(machines.create({}, {}, JAILED)).rejects.toMatchObject({
        code: "BAD_CONFIG",
        message: `${path}: the user that Firecracker has in its jail may not read it: chmod a+r it, or use --vm-jailer=off`,
      });
    }
    await machines.boot({}, {}, { jailer: "off" });
  });

  test("waits for its disks, and says why they did not come", async () => {
    const cause = new NkError("HOST", "no room for the disk");
    const failed = Promise.reject(cause);
    failed.catch(() => {});
    const slots = Promise.resolve([{ readOnly: true }]);
    const vm = await machines.create({}, { disks: { slots, ready: failed } }, JAILED);
    await expect(vm.boot(soon())).rejects.toBe(cause);
  });
});

describe.runIf(HAS_KVM)("without a jail", () => {
  const uidOf = (vm: VirtualMachine): string | undefined => status(vm.pid, "Uid")[0];

  /** Where no jailer is beside it. */
  function lonelyFirecracker(): void {
    const path = join(machines.folder, "firecracker");
    copyFileSync(FAKE_FIRECRACKER, path);
    process.env["NK_FIRECRACKER"] = path;
  }

  test("it runs as we do where that is wanted", async () => {
    expect(uidOf(await machines.boot({}, {}, { jailer: "off" }))).toBe("0");
  });

  test("auto takes the jail where there is one, and does without otherwise", async () => {
    expect(uidOf(await machines.boot({}, {}, { jailer: "auto" }))).not.toBe("0");
    lonelyFirecracker();
    expect(uidOf(await machines.boot({}, {}, { jailer: "auto" }))).toBe("0");
  });

  test("on is refused where there is no jailer", async () => {
    lonelyFirecracker();
    await expect(machines.create({}, {}, JAILED)).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringMatching(
        /^--vm-jailer=on: no jailer was found beside.*: use --vm-jailer=auto or off$/,
      ),
    });
  });

  test("on is refused to others than root", async () => {
    vi.spyOn(process as Required<typeof process>, "getuid").mockReturnValue(1000);
    await expect(machines.create({}, {}, JAILED)).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringMatching(
        /^--vm-jailer=on: Firecracker's jailer needs root of the host: use --vm-jailer=auto or off$/,
      ),
    });
    expect(uidOf(await machines.boot({}, {}, { jailer: "auto" }))).toBe("0");
  });

  test("a NK_JAILER that is none is refused", async () => {
    process.env["NK_JAILER"] = "/nowhere/jailer";
    await expect(machines.create({}, {}, JAILED)).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: "NK_JAILER names /nowhere/jailer, which is no program: name another, or unset it",
    });
  });
});
