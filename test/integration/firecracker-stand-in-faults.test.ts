// What the stand-in for Firecracker does when it is asked to misbehave.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { FAKE_FIRECRACKER, FakeFirecracker, makeBootFiles } from "../fixtures/fake-firecracker.ts";
import { REFUSALS } from "../fakes/firecracker/faults.ts";

const NO_CONTENT = /^HTTP\/1\.1 204 /;
const open: FakeFirecracker[] = [];

function start(fault: string): FakeFirecracker {
  const fake = new FakeFirecracker(["--api-sock", "api.sock"], { NK_FAKE_FC_FAULT: fault }, makeBootFiles);
  open.push(fake);
  return fake;
}

async function boot(fake: FakeFirecracker): Promise<string> {
  await fake.ready();
  await fake.put("/serial", { serial_out_path: "serial" });
  await fake.put("/boot-source", { kernel_image_path: "vmlinux", boot_args: "nk.poweroff=reboot" });
  expect(await fake.put("/vsock", { guest_cid: 3, uds_path: "v.sock" })).toMatch(NO_CONTENT);
  return fake.put("/actions", { action_type: "InstanceStart" });
}

afterEach(async () => {
  for (const fake of open.splice(0)) await fake.close();
});

test("it ends before its socket is there", async () => {
  const fake = start("exit-before-bind:7");
  expect(await fake.end()).toEqual({ code: 7, signal: null });
  expect(existsSync(fake.socketPath)).toBe(false);
  expect(fake.output).toContain("Error: ");
});

test("it never makes its socket", async () => {
  const fake = start("never-bind");
  expect(await fake.end(500)).toBeUndefined();
  expect(existsSync(fake.socketPath)).toBe(false);
});

test("it answers late", async () => {
  const fake = start("slow:300");
  await fake.ready();
  const before = performance.now();
  await fake.get("/version");
  expect(performance.now() - before).toBeGreaterThan(290);
});

test("it cuts a request off", async () => {
  const fake = start("reset:/machine-config");
  await fake.ready();
  expect(await fake.get("/version")).toContain("1.16.1");
  expect(await fake.get("/machine-config")).toBe("");
});

test("its API's thread dies of its first request, and takes the process with it", async () => {
  const fake = start("api-filtered:100");
  await fake.ready();
  expect(await fake.get("/version")).toBe("");
  expect(await fake.end()).toEqual({ code: 148, signal: null });
  expect(fake.output).toContain("Shutting down VM after intercepting a bad syscall (44).");
});

test.each(Object.entries(REFUSALS))("it refuses to start: %s", async (cause, text) => {
  const fake = start(`start-refused:${cause}`);
  const response = await boot(fake);
  expect(response.split("\r\n\r\n")[1]).toBe(
    JSON.stringify({ fault_message: `Start microvm error: ${text}` }),
  );
  expect(await fake.state()).toBe("Not started");
});

/** What is refused for what it is, without being asked to. */
test.each([
  ["too little memory for the kernel", 1, "vmlinux", "Kernel Loader: Unable to read kernel image"],
  ["an initrd that does not fit", 2, "large", "Failed to compute the initrd address."],
])("it refuses %s", async (_, memoryMib, initrd, text) => {
  const fake = start("");
  writeFileSync(join(fake.folder, "large"), Buffer.alloc(3 * 1024 * 1024));
  await fake.ready();
  await fake.put("/machine-config", { vcpu_count: 1, mem_size_mib: memoryMib });
  await fake.put("/boot-source", { kernel_image_path: "vmlinux", initrd_path: initrd });
  expect(await fake.put("/actions", { action_type: "InstanceStart" })).toContain(text);
  expect(await fake.state()).toBe("Not started");
});

test("metadata of the command line are in the data store", async () => {
  const fake = new FakeFirecracker(["--api-sock", "api.sock", "--metadata", "metadata"], {}, (folder) =>
    writeFileSync(join(folder, "metadata"), '{"b": 1, "a": [true]}'),
  );
  open.push(fake);
  await fake.ready();
  expect(await fake.get("/mmds")).toContain('\r\n\r\n{"a":[true],"b":1}');
});

test.each([148, 1])("it exits with %i instead of starting", async (code) => {
  const fake = start(`start-exits:${code}`);
  expect(await boot(fake)).toBe("");
  expect(await fake.end()).toEqual({ code, signal: null });
});

test("it dies when the guest runs", async () => {
  const fake = start("dies:149");
  await boot(fake);
  expect(await fake.end()).toEqual({ code: 149, signal: null });
});

test("it ignores SIGTERM", async () => {
  const fake = start("ignore-sigterm");
  await fake.ready();
  fake.child.kill("SIGTERM");
  expect(await fake.get("/version")).toContain("1.16.1");
});

test.each([
  ["guest-panics", "Kernel panic - not syncing"],
  ["guest-reboots", "Command line"],
])("%s: the process ends well, and leaves its sockets", async (fault, text) => {
  const fake = start(`${fault}:50`);
  expect(await boot(fake)).toMatch(NO_CONTENT);
  expect(await fake.end()).toEqual({ code: 0, signal: null });
  expect(fake.output).toContain(
    "[anonymous-instance:main] Vmm is stopping.\n<time> [anonymous-instance:main] Killing vCPU threads\n" +
      "<time> [anonymous-instance:main] Firecracker exiting successfully. exit_code=0\n",
  );
  expect(readFileSync(join(fake.folder, "serial"), "utf8")).toContain(text);
  expect(["api.sock", "v.sock"].filter((name) => existsSync(join(fake.folder, name)))).toHaveLength(2);
});

test("guest-halts: the process stays", async () => {
  const fake = start("guest-halts");
  await boot(fake);
  expect(await fake.end(500)).toBeUndefined();
  expect(await fake.state()).toBe("Running");
});

test("the file beside the executable says so too", () => {
  const folder = mkdtempSync(join(tmpdir(), "nk-fc-"));
  symlinkSync(FAKE_FIRECRACKER, join(folder, "fc"));
  writeFileSync(join(folder, "fc.env"), "NK_FAKE_FC_VERSION=1.14.4\n");
  expect(execFileSync(join(folder, "fc"), ["--version"]).toString()).toContain("Firecracker v1.14.4\n");
  rmSync(folder, { recursive: true });
});
