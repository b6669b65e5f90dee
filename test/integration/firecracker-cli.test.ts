// What the command line says where Firecracker is asked for and cannot run: nothing is started.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeBundle, type TestBundle } from "../fixtures/make-bundle.ts";
import { FAKE_FIRECRACKER, HAS_KVM } from "../fixtures/fake-firecracker.ts";

let root: string;
let bundle: TestBundle;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "nk-root-"));
  bundle = await makeBundle();
});

afterEach(async () => {
  await bundle.cleanup();
  rmSync(root, { recursive: true });
});

/** `run` with Firecracker, after a script has changed the mounts that it sees. */
function run(prepare: string, ...flags: string[]): { status: number | null; stderr: string } {
  const command = [resolve("bin/nk-runtime"), "--root", root, "run", "--mode=vm", "--vm-vmm=firecracker"];
  const script = `${prepare}\nexec "$@"`;
  const args = ["--mount", "sh", "-ec", script, "sh", ...command, ...flags, "--bundle", bundle.dir, "c1"];
  const env = { NK_FIRECRACKER: FAKE_FIRECRACKER, ...process.env };
  const { status, stderr } = spawnSync("unshare", args, { encoding: "utf8", env });
  return { status, stderr };
}

describe.runIf(HAS_KVM)("KVM's device", () => {
  const DEVICES = ["null", "zero", "random", "urandom", "tty", "ptmx"];

  test("that is not there is named, with the way out", () => {
    const devices = DEVICES.map(
      (name) => `touch ${root}/.dev/${name}; mount --bind /dev/${name} ${root}/.dev/${name}`,
    );
    const hide = [
      `mkdir ${root}/.dev; mount -t tmpfs dev ${root}/.dev`,
      ...devices,
      `mount --move ${root}/.dev /dev`,
    ];
    const { status, stderr } = run(hide.join("\n"));
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^nk-runtime: Firecracker needs KVM, and \/dev\/kvm does not exist: nk-runtime doctor says why; --vm-vmm=qemu runs without KVM/m,
    );
    expect(readdirSync(root).filter((name) => !name.startsWith("."))).toEqual([]);
  });

  test("that cannot be opened is named, with the host's word for it", async () => {
    // Root may open anything but a socket.
    const socket = createServer().listen(join(root, ".socket"));
    await once(socket, "listening");
    const { status, stderr } = run(`mount --bind ${root}/.socket /dev/kvm`);
    socket.close();
    expect(status).toBe(1);
    expect(stderr).toMatch(/^nk-runtime: Firecracker needs KVM, and \/dev\/kvm cannot be opened \(ENXIO\): /);
  });
});
