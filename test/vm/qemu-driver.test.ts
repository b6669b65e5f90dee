import { execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AgentClient } from "../../src/agent/agent-client.ts";
import { AgentConnection } from "../../src/agent/connection.ts";
import { Deadline } from "../../src/base/deadline.ts";
import { resolveGuestImage, type GuestImage } from "../../src/image/guest-image.ts";
import { NO_DISKS } from "../../src/image/root-disks.ts";
import { settle } from "../../src/vm/choose-vmm.ts";
import { qemuDriver } from "../../src/vm/qemu/driver.ts";
import { QmpClient } from "../../src/vm/qemu/qmp-client.ts";
import type { SettledShape } from "../../src/vm/shape.ts";
import type { VirtualMachine, VmSpec } from "../../src/vm/virtual-machine.ts";
import { Rig } from "../integration/shadow-rig.ts";

const build = fileURLToPath(new URL("../../build", import.meta.url));
process.env["NK_SHADOW"] ??= join(build, "bin/nk-shadow");
const BOOT_MS = 60_000;

let rig: Rig;
let dir: string;
let vm: VirtualMachine | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-vm-"));
  mkdirSync(join(dir, "state"));
  rig = new Rig();
});

afterEach(async () => {
  await vm?.close();
  vm = undefined;
  rig.close();
  rmSync(dir, { recursive: true, force: true });
});

async function specWith(changes: Partial<VmSpec>, shapeChanges: Partial<SettledShape> = {}): Promise<VmSpec> {
  const image = (): Promise<GuestImage> =>
    resolveGuestImage({ runtime: "crun", imageDirs: [join(build, "image")] });
  const { shape, reasons } = await settle({
    vmm: "qemu",
    vcpus: 1,
    memSizeMib: 256,
    accel: "tcg",
    jailer: "auto",
    confine: "on",
    root: "auto",
    volumes: "auto",
    needsVolumes: true,
    debug: false,
    image,
  });
  return {
    id: "t",
    stateDir: join(dir, "state"),
    shape: { ...shape, ...shapeChanges },
    accelReason: reasons.accel,
    extraCmdline: "",
    folder: { shadowPid: await rig.create().pid() },
    disks: NO_DISKS,
    ...changes,
  };
}

/** The agent's first frame: 12 bytes of header, then JSON (protocol/agent-protocol.md). */
async function hello(socket: Socket): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    const all = Buffer.concat(chunks);
    if (all.length >= 12 && all.length >= 12 + all.readUInt32LE(0)) {
      return JSON.parse(all.toString("utf8", 12, 12 + all.readUInt32LE(0))) as Record<string, unknown>;
    }
  }
  throw new Error("the agent's connection ended before its hello");
}

describe("a real virtual machine", () => {
  test("boots to the agent's hello, stops when asked, and leaves only its logs", async () => {
    vm = await qemuDriver.create(await specWith({}));
    const deadline = Deadline.after(BOOT_MS);
    await vm.boot(deadline);
    const socket = await vm.connectAgent(deadline);
    expect(await deadline.race(hello(socket), "hello")).toMatchObject({ event: "hello", protocol: 1 });
    socket.destroy();
    expect(await vm.stop(Deadline.after(5000))).toMatchObject({ reason: "stopped", code: 0, signal: null });
    await vm.close();
    await vm.close();
    expect(readdirSync(join(dir, "state")).toSorted()).toEqual(["console.log", "share.log", "vmm.log"]);
  });

  test("tells a panic of the guest's kernel apart", async () => {
    vm = await qemuDriver.create(await specWith({ extraCmdline: "rdinit=/nothing init=/nothing" }));
    await vm.boot(Deadline.after(BOOT_MS));
    const exit = await Deadline.after(BOOT_MS).race(vm.exited, "the end of the VM");
    expect(exit.reason).toBe("panic");
    expect(exit.message).toMatch(/the guest's kernel panicked: .+/);
    expect(readFileSync(join(dir, "state/console.log"), "utf8")).toContain("Kernel panic");
  });

  test("says what QEMU said when it cannot start", async () => {
    vm = await qemuDriver.create(await specWith({}, { initrd: "/nothing" }));
    await expect(vm.boot(Deadline.after(BOOT_MS))).rejects.toMatchObject({
      code: "VMM",
      phase: "start the VMM",
      log: expect.stringContaining("/nothing"),
    });
  });
});

/** As a VMM does that gives its guest another file later: a stand-in of one sector becomes the image. */
describe("a disk that is a stand-in while the VM boots", () => {
  const STAND_IN_BYTES = 512;
  let disk: string;
  let agent: AgentClient;
  let qmp: Socket | undefined;

  beforeEach(async () => {
    disk = join(dir, "disk");
    writeFileSync(disk, Buffer.alloc(STAND_IN_BYTES));
    const disks = [{ path: disk, file: disk, readOnly: false }];
    const pending = { slots: Promise.resolve(disks), ready: Promise.resolve(disks) };
    vm = await qemuDriver.create(await specWith({ disks: pending }, { debug: true }));
    const deadline = Deadline.after(BOOT_MS);
    await vm.boot(deadline);
    await vm.disksReady;
    const connection = new AgentConnection(await vm.connectAgent(deadline), { frame() {} }, () => {});
    await deadline.race(connection.hello, "hello");
    agent = new AgentClient(connection);
    await agent.configure({
      hostname: "t",
      entropy: "",
      runtime: "crun",
      realtimeNs: `${Date.now()}000000`,
      debug: false,
    });
  });

  afterEach(() => qmp?.destroy());

  const mountDisk = (): Promise<void> =>
    agent.mount({ target: "/run/nk/root", fstype: "ext4", source: "/dev/vda", options: "" });

  async function growDisk(): Promise<void> {
    const image = join(dir, "image");
    execFileSync("mke2fs", ["-q", "-t", "ext4", image, "8M"], { env: { PATH: "/usr/sbin:/sbin:/usr/bin" } });
    writeFileSync(disk, readFileSync(image));
    const deadline = Deadline.after(BOOT_MS);
    qmp = connect(join(dir, "state/qmp.sock"));
    const client = new QmpClient(qmp, () => {});
    await client.negotiate(deadline);
    await client.execute("block_resize", { "node-name": "disk0", size: 8 * 1024 * 1024 }, deadline);
  }

  test("is mounted when it has its image, and other requests do not wait for it", async () => {
    let mounted = false;
    const mount = mountDisk().then(() => {
      mounted = true;
    });
    await agent.kernelLog();
    expect(mounted).toBe(false);
    await growDisk();
    await mount;
    await agent.unmount("/run/nk/root");
  });
});
