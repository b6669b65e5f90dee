// The real guest under the stand-in for Firecracker, driven by bare requests.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { basename, join, resolve } from "node:path";
import { afterEach, beforeAll, expect, test } from "vitest";
import { AgentClient } from "../../src/agent/agent-client.ts";
import { AgentConnection } from "../../src/agent/connection.ts";
import { Deadline } from "../../src/base/deadline.ts";
import { resolveGuestImage } from "../../src/image/guest-image.ts";
import { findDiod } from "../../src/share/diod.ts";
import { buildVsockDevice, FakeFirecracker } from "../fixtures/fake-firecracker.ts";

const BOOT_MS = 60_000;
const SHARE_PORT = 5640;
const closers: (() => unknown)[] = [];

beforeAll(buildVsockDevice);

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const DONE = /^HTTP\/1\.1 204 /;

async function done(response: Promise<string>): Promise<void> {
  expect(await response).toMatch(DONE);
}

/** A VM that starts, with two disks of one sector, and its agent. */
async function boot(bootArgs: string) {
  const image = await resolveGuestImage({ runtime: "crun", imageDirs: [resolve("build/image")] });
  const env = { NK_FAKE_FC_GUEST: "qemu", NK_FAKE_FC_VERSION: "1.14.4" };
  const fake = new FakeFirecracker(["--api-sock", "api.sock"], env, (folder) => {
    for (const disk of ["d0", "d1"]) writeFileSync(join(folder, disk), Buffer.alloc(512));
  });
  closers.push(() => fake.close());
  await fake.ready();
  await done(fake.put("/serial", { serial_out_path: "serial" }));
  await done(fake.put("/machine-config", { vcpu_count: 1, mem_size_mib: 256 }));
  await done(
    fake.put("/boot-source", {
      kernel_image_path: image.kernel.path,
      initrd_path: image.initrd,
      boot_args: `console=ttyS0 quiet reboot=k nk.transport=vsock ${bootArgs}`,
    }),
  );
  for (const [id, readOnly] of [
    ["d0", true],
    ["d1", false],
  ] as const) {
    const drive = { drive_id: id, path_on_host: id, is_root_device: false, is_read_only: readOnly };
    await done(fake.put(`/drives/${id}`, drive));
  }
  await done(fake.put("/vsock", { guest_cid: 3, uds_path: "v.sock" }));
  const server = createServer().listen(join(fake.folder, "v.sock_52"));
  closers.push(() => server.close());
  const connection = once(server, "connection") as Promise<[Socket]>;
  await done(fake.put("/actions", { action_type: "InstanceStart" }));
  const [socket] = await Deadline.after(BOOT_MS).race(connection, "the agent's connection");
  const agentConnection = new AgentConnection(socket, { frame() {} }, () => {});
  await Deadline.after(BOOT_MS).race(agentConnection.hello, "hello");
  const agent = new AgentClient(agentConnection);
  await agent.configure({
    hostname: "t",
    entropy: "",
    runtime: "crun",
    realtimeNs: `${Date.now()}000000`,
    debug: false,
  });
  const switchOff = () =>
    agentConnection
      .request("shutdown", { mode: "poweroff" }, Deadline.after(BOOT_MS))
      .catch((error: unknown) => {
        // A guest that ends may take its last answer along (src/sandbox/microvm/guest.ts).
        if (!agentConnection.over) throw error;
      });
  return { fake, agent, switchOff };
}

/** State and parent of a process (proc(5)); undefined when it is gone. */
function statOf(pid: number): { state: string; parent: number } | undefined {
  try {
    const [state = "", parent] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

function childrenOf(parent: number): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => statOf(pid)?.parent === parent);
}

function isRunning(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.state !== "Z";
}

test("it boots, its disks get other files, it pauses, and a shutdown ends the process", async () => {
  const { fake, agent, switchOff } = await boot("panic=1 nk.poweroff=reboot");
  for (const id of ["d0", "d1"]) {
    const image = join(fake.folder, `image-${id}`);
    writeFileSync(image, "");
    truncateSync(image, 8 * 1024 * 1024);
    execFileSync("mkfs.ext4", ["-q", image]);
    await done(fake.put(`/drives/${id}`, { drive_id: id, path_on_host: `image-${id}` }, "PATCH"));
  }
  await agent.mount({ target: "/run/nk/d0", fstype: "ext4", source: "/dev/vda", options: "", flags: ["ro"] });
  await agent.mount({ target: "/run/nk/d1", fstype: "ext4", source: "/dev/vdb", options: "" });
  await agent.unmount("/run/nk/d0");
  await agent.unmount("/run/nk/d1");
  await done(fake.put("/vm", { state: "Paused" }, "PATCH"));
  const answer = agent.metrics();
  await done(fake.put("/vm", { state: "Resumed" }, "PATCH"));
  await answer;
  await switchOff();
  expect(await fake.end(BOOT_MS)).toEqual({ code: 0, signal: null });
  expect(existsSync(join(fake.folder, "v.sock"))).toBe(true);
});

test("it reaches other ports of the host: a folder is mounted over one", async () => {
  const { fake, agent } = await boot("panic=1");
  const server = createServer((connection) => {
    const options = ["-f", "-r", "0", "-w", "1", "-n", "-U", "root", "-e", fake.folder];
    spawn(findDiod() ?? "", options, { stdio: [connection, connection, "ignore"] });
  }).listen(join(fake.folder, `v.sock_${SHARE_PORT}`));
  closers.push(() => server.close());
  await once(server, "listening");
  const mount = {
    fstype: "9p",
    source: "none",
    options: `trans=fd,version=9p2000.L,uname=root,aname=${fake.folder},access=client`,
  };
  await agent.mount({ ...mount, target: "/run/nk/share", vsockPort: SHARE_PORT });
  await agent.unmount("/run/nk/share");
  const nobody = agent.mount({ ...mount, target: "/run/nk/none", vsockPort: SHARE_PORT + 1 });
  await expect(nobody).rejects.toThrow("Connection reset by peer");
});

test("a guest that is switched off leaves the process", async () => {
  const { fake, switchOff } = await boot("panic=1");
  await switchOff();
  expect(await fake.end(1000)).toBeUndefined();
  expect(await fake.state()).toBe("Running");
});

test("QEMU and the vsock device die with the process", async () => {
  const { fake } = await boot("panic=1");
  const children = childrenOf(fake.child.pid ?? 0);
  const commands = children.map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0] ?? "");
  expect(commands.map((command) => basename(command)).toSorted()).toEqual([
    "qemu-system-x86_64",
    "vsock-device",
  ]);
  await fake.close();
  await expect.poll(() => children.filter(isRunning)).toEqual([]);
});
