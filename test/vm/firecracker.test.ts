// VMs on Firecracker's stand-in. What a real one does is shown by test/kvm, with the same checks.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { HAS_KVM } from "../fixtures/fake-firecracker.ts";
import { expectOneLine } from "../fixtures/refused.ts";
import { AtTerminal } from "./at-terminal.ts";
import { FIRECRACKER, folder, runtime, useRuntimeOnStandIn } from "./firecracker-rig.ts";
import { CRASH, endsWith, isNoticed } from "./guest-ends.ts";
import { livesAsWithRunc } from "./life.ts";
import { pausesAndGoesOn, shareKernelOnly, showsItself, started } from "./machine-checks.ts";
import { endsReader, givesBack, keepsApart, passesStatuses } from "./streams.ts";
import { findVictim } from "./victims.ts";

useRuntimeOnStandIn();

const sh = (id: string, script: string): Promise<string> => runtime.ok(["exec", id, "sh", "-c", script]);

/** A container with a folder and a file of the host. */
async function withBinds(flags: string[]): Promise<{ id: string; volume: string; rootfs: string }> {
  const volume = join(folder, "volume");
  execFileSync("sh", ["-ec", `mkdir ${volume}; echo from the host >${volume}/in`]);
  const { dir, rootfs } = await runtime.bundle({
    args: ["sleep", "1000000"],
    mounts: [
      { destination: "/data", type: "bind", source: volume, options: ["rbind"] },
      { destination: "/etc/one", type: "bind", source: join(volume, "in"), options: ["bind", "ro"] },
    ],
  });
  const id = runtime.id();
  await runtime.detached(["run", "-d", "--mode=vm", FIRECRACKER, ...flags, "--bundle", dir, id]);
  return { id, volume, rootfs };
}

async function hasBinds(id: string, volume: string): Promise<void> {
  const script = "cat /data/in /etc/one; echo from the guest >/data/out; echo no >/etc/one || echo refused";
  expect(await sh(id, `exec 2>/dev/null; ${script}`)).toBe("from the host\nfrom the host\nrefused\n");
  expect(readFileSync(join(volume, "out"), "utf8")).toBe("from the guest\n");
}

/** When a step had ended. */
function endOf(id: string, step: string): number {
  const lines = readFileSync(join(runtime.root, id, "trace.jsonl"), "utf8")
    .trim()
    .split("\n");
  const spans = lines.map((line) => JSON.parse(line) as { name: string; endNs: string });
  return Number(spans.find(({ name }) => name === step)?.endNs);
}

const ROOT_TYPE = `awk '$2 == "/" { print $3 }' /proc/mounts`;

describe.runIf(HAS_KVM)("a container in a jailed VM", () => {
  it("lives as with runc, is paused and goes on", () => livesAsWithRunc(runtime));

  it("has signals, a status and streams of its own", async () => {
    const args = ["sh", "-c", "trap 'echo got it; exit 3' TERM; echo up; while :; do sleep 0.1; done"];
    const result = await runtime.run({ args }, [], {
      during: (child) => child.stdout?.once("data", () => child.kill("SIGTERM")),
    });
    expect(result).toEqual({ code: 3, stdout: "up\ngot it\n", stderr: "" });
  });

  it("has a disk for its root, bind mounts over vsock, and streams by exec", async () => {
    const { id, volume, rootfs } = await withBinds(["--vm-block-fs=erofs"]);
    expect(runtime.record(id).vm).toMatchObject({ vmm: "firecracker", share: "block" });
    expect(await sh(id, ROOT_TYPE)).toBe("overlay\n");
    await hasBinds(id, volume);
    await sh(id, "echo mine >/mine && sync");
    expect(() => readFileSync(join(rootfs, "mine"))).toThrow("ENOENT");
    await givesBack(runtime, ["exec", id, "cat"], 1);
    await keepsApart(runtime, id);
    await endsReader(runtime, id);
    await passesStatuses(runtime, id);
  });

  it("notices a panic of its guest, says so, and leaves nothing", () => isNoticed(runtime, CRASH));

  it("says what its kernel said when that panics in its boot", async () => {
    const env = { NK_FAKE_FC_GUEST: "silent", NK_FAKE_FC_FAULT: "guest-panics:300" };
    const { code, stderr } = await runtime.run({}, [], { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^nk-runtime: the VM ended: the guest's kernel panicked: /);
    expect(stderr).toMatch(/--- console ---\n.*Kernel panic/s);
    expectOneLine(stderr);
  });

  it("notices the death of Firecracker, says so, and leaves nothing", async () => {
    const id = await runtime.background();
    process.kill(await findVictim(runtime.root, "Firecracker"), "SIGKILL");
    await endsWith(runtime, id, /SIGKILL/);
  });
});

describe.runIf(HAS_KVM)("a container in a VM without a jail", () => {
  const OPEN = "--vm-jailer=off";

  it("has a live root by 9p over vsock", async () => {
    const { id, volume, rootfs } = await withBinds([OPEN, "--vm-share=9p"]);
    expect(runtime.record(id).vm).toMatchObject({ vmm: "firecracker", share: "9p-vsock" });
    expect(await sh(id, ROOT_TYPE)).toBe("9p\n");
    await hasBinds(id, volume);
    await sh(id, "echo mine >/mine");
    expect(readFileSync(join(rootfs, "mine"), "utf8")).toBe("mine\n");
  });

  it("has a terminal", async () => {
    const { dir } = await runtime.bundle({
      args: ["sh", "-c", "tty; stty size; read x; exit 5"],
      terminal: true,
    });
    const terminal = AtTerminal.run(runtime.root, [
      "run",
      "--mode=vm",
      FIRECRACKER,
      OPEN,
      "--bundle",
      dir,
      runtime.id(),
    ]);
    await terminal.expect("24 80");
    terminal.type("\n");
    expect((await terminal.end()).code).toBe(5);
  });

  it("boots while its disk is made, gets it then, and its changes come back", async () => {
    const bin = join(folder, "bin");
    const real = execFileSync("sh", ["-c", "PATH=$PATH:/sbin:/usr/sbin command -v mkfs.ext4"], {
      encoding: "utf8",
    });
    execFileSync("mkdir", [bin]);
    const id = runtime.id();
    const booted = `grep -q "configure the guest" ${join(runtime.root, id, "trace.jsonl")}`;
    // It goes on when the guest is up, or after a minute: then nothing has booted beside it.
    const script = `for i in $(seq 600); do ${booted} && break; sleep 0.1; done\nexec ${real.trim()} "$@"\n`;
    writeFileSync(join(bin, "mkfs.ext4"), `#!/bin/sh\n${script}`, { mode: 0o755 });
    const { dir, rootfs } = await runtime.bundle({
      args: ["sh", "-c", `${ROOT_TYPE}; echo new >/thing`],
      files: { "/thing": "old" },
    });
    const flags = [FIRECRACKER, OPEN, "--vm-block-fs=ext4", "--vm-sync", "--keep"];
    const result = await runtime.call(["run", "--mode=vm", ...flags, "--bundle", dir, id], {
      env: { PATH: `${bin}:${process.env["PATH"] ?? ""}` },
    });
    expect(result).toEqual({ code: 0, stdout: "ext4\n", stderr: "" });
    expect(readFileSync(join(rootfs, "thing"), "utf8")).toBe("new\n");
    expect(endOf(id, "configure the guest")).toBeLessThan(endOf(id, "get the root file system's disks"));
  });
});

describe.runIf(HAS_KVM)("a VM made by hand", () => {
  it("holds two containers, shows itself, is paused, goes on and stops", async () => {
    const vm = runtime.id();
    await started(runtime, vm, "--vm-memory=256");
    await shareKernelOnly(runtime, vm);
    await showsItself(runtime, vm, {
      disks: [],
      vcpuExits: expect.anything(),
      vsock: expect.anything(),
      refusedRequests: 0,
    });
    await pausesAndGoesOn(runtime, vm);
    await runtime.ok(["vm-stop", vm]);
    expect(await runtime.ok(["vm-state", vm])).toBe("stopped\n");
    await runtime.ok(["vm-delete", "--force", vm]);
  });
});
