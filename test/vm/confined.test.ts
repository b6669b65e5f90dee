import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { librariesOf } from "../../src/host/program-files.ts";
import { findQemu } from "../../src/vm/qemu/detect.ts";
import { programRoot } from "../../src/vm/qemu/program-root.ts";
import { NONE, OWNERS, rootOf, sharedNamespaces, statusOf } from "../fixtures/process-root.ts";
import { VIRTIOFSDS } from "../fixtures/virtiofsd.ts";
import { Runtime } from "./runtime.ts";
import { findVictim, processesOf, type Victim } from "./victims.ts";

/** What a share's server can name on the host, and so what its guest could at worst; test/integration/confine.test.ts has the rest. */

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

describe.each(VIRTIOFSDS)("virtiofsd in $flavour", (server) => {
  const note = server.obstacle === undefined ? "" : ` (not tried: ${server.obstacle})`;
  const env = { NK_VIRTIOFSD: server.path };
  const FLAG = "--vm-share=virtiofs";

  describe.skipIf(server.obstacle !== undefined)(`with a guest${note}`, () => {
    it("has the container's tree, its program and nothing else", async () => {
      const { dir, rootfs } = await runtime.bundle({ args: ["sleep", "1000000"] });
      symlinkSync("/etc/shadow", join(rootfs, "link"));
      const id = runtime.id();
      await runtime.detached(["run", "-d", "--mode=vm", FLAG, "--bundle", dir, id], env);
      const pid = await findVictim(runtime.root, "virtiofsd");

      // The one in C makes the tree its root.
      if (server.flavour === "c") expect(readdirSync(`/proc/${pid}/root`)).toEqual(["proof", "rootfs"]);
      else expect(rootOf(pid)).toEqual(await wholeRoot(server.path));
      expect(existsSync(`/proc/${pid}/root/etc/machine-id`)).toBe(false);
      expect(sharedNamespaces(pid)).toEqual([]);
      for (const set of ["CapPrm", "CapEff"]) expect(statusOf(pid, set)).toBe(OWNERS);
      expect(statusOf(pid, "CapBnd")).toBe("0000000000000000");
      expect([statusOf(pid, "NoNewPrivs"), statusOf(pid, "Seccomp")]).toEqual(["1", "2"]);
      expect(readFileSync(`/proc/${pid}/environ`, "utf8")).toMatch(/^(LD_LIBRARY_PATH=\S+\0)?$/);

      await expect(runtime.ok(["exec", id, "cat", "/link"])).rejects.toThrow(/No such file|can't open/);
      await runtime.ok(["exec", id, "sh", "-c", "echo mine >/mark; chown 12:34 /mark"]);
      expect(readFileSync(join(rootfs, "mark"), "utf8")).toBe("mine\n");
      await runtime.ok(["delete", "--force", id]);
      expect(existsSync(`/proc/${pid}`)).toBe(false);
      expect(processesOf(runtime.root)).toEqual([]);
    });

    it("shows the trees of containers that come later, while they live", async () => {
      await expectLaterTrees(FLAG, "virtiofsd", env);
    });
  });
});

describe("QEMU", () => {
  const build = fileURLToPath(new URL("../../build/image/", import.meta.url));

  it.each([
    ["virtiofs", [], NONE],
    ["9p", ["/tree/"], OWNERS],
    ["block", ["/disk0", "/disk1"], NONE],
  ])("with %s has its own files, its guest's and nothing else", async (share, more, capabilities) => {
    const id = await runtime.background({}, [`--vm-share=${share}`, "--vm-accel=tcg"]);
    const pid = await findVictim(runtime.root, "QEMU");
    expect(runtime.record(id).vm?.vmmPid).toBe(pid);
    const { path } = findQemu();
    const { libraries, files = [], devices = [] } = await programRoot(path, "tcg");
    const { kernel, initrd } = runtime.record(id).vm ?? {};
    const all = [path, kernel ?? "", initrd ?? "", ...libraries, ...files, ...devices, "/proc/", ...more];
    expect(rootOf(pid)).toEqual([...new Set(all)].toSorted());
    expect([kernel, initrd].every((file) => file?.startsWith(build))).toBe(true);
    expect(sharedNamespaces(pid)).toEqual([]);
    for (const set of ["CapBnd", "CapPrm", "CapEff"]) expect(statusOf(pid, set)).toBe(capabilities);
    // Who serves files acts for their owners.
    const user = capabilities === OWNERS ? 0 : 2_000_000_000 + (runtime.record(id).vm?.monitorPid ?? 0);
    expect(statusOf(pid, "Uid")).toBe(Array(4).fill(user).join("\t"));
    expect([statusOf(pid, "NoNewPrivs"), statusOf(pid, "Seccomp")]).toEqual(["1", "2"]);
    expect(() => writeFileSync(`/proc/${pid}/root${kernel}`, "")).toThrow(/EROFS/);
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).toMatch(/^(LD_LIBRARY_PATH=\S+\0)?$/);
    await runtime.ok(["delete", "--force", id]);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  it("with 9p shows the trees of containers that come later, while they live", async () => {
    await expectLaterTrees("--vm-share=9p", "QEMU", {});
  });
});

/** Containers that come to a VM which runs, one after the other: who serves its files sees theirs while they live. */
async function expectLaterTrees(flag: string, server: Victim, env: NodeJS.ProcessEnv): Promise<void> {
  const vm = runtime.id();
  await runtime.ok(["vm-create", flag, vm]);
  await runtime.detached(["vm-start", vm], env);
  const pid = await findVictim(runtime.root, server);
  const before = mountPoints(pid);
  for (const word of ["one", "two"]) {
    const { dir, rootfs } = await runtime.bundle({ args: ["sleep", "1000000"] });
    const id = runtime.id();
    await runtime.detached(["run", "-d", "--vm", vm, "--bundle", dir, id]);
    await runtime.ok(["exec", id, "sh", "-c", `echo ${word} >/mark`]);
    expect(readFileSync(join(rootfs, "mark"), "utf8")).toBe(`${word}\n`);
    expect(readFileSync(`/proc/${pid}/mountinfo`, "utf8")).toMatch(/ \/\S+ rw\S*,nodev\S*,nosymfollow/);
    await runtime.ok(["delete", "--force", id]);
    expect(mountPoints(pid)).toEqual(before);
  }
  await runtime.ok(["vm-delete", "--force", vm]);
}

async function wholeRoot(server: string): Promise<string[]> {
  return ["/proc/", "/tree/", server, ...(await librariesOf(server))].toSorted();
}

/** Where something is mounted that the process can name. */
function mountPoints(pid: number): string[] {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, "utf8").trim().split("\n");
  return lines.map((line) => line.split(" ")[4] ?? "").toSorted();
}
