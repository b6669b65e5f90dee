import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cpioArchive } from "../../src/image/cpio.ts";
import { staticProgram } from "../fixtures/static-program.ts";
import { expectOneLine, expectRefused } from "../fixtures/refused.ts";
import { distroKernel, kernels, Runtime } from "./runtime.ts";
import { scaled } from "../fixtures/scaled.ts";

/** What goes wrong when a VM is started, and while it runs. */
let runtime: Runtime;
let dir: string;
let bundle: string;
const distro = distroKernel() ?? "";

beforeAll(async () => {
  runtime = new Runtime();
  dir = mkdtempSync(join(tmpdir(), "nk-bad-vm-"));
  bundle = (await runtime.bundle({ args: ["echo", "ran"] })).dir;
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
  rmSync(dir, { recursive: true });
});

const run = (...flags: string[]): string[] => ["run", "--mode=vm", "-b", bundle, ...flags, runtime.id()];

/** It does what its name says. */
function fakeQemu(mode: string): string {
  const path = join(dir, `qemu=${mode}`);
  symlinkSync(staticProgram("fake-qemu", "fakes"), path);
  return path;
}

function script(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

/** An initramfs with busybox and this /init; without one the kernel finds nothing to start. */
function initramfs(name: string, init?: string): string {
  const path = join(dir, name);
  const data = readFileSync("/bin/busybox");
  const entries = [
    { type: "dir", name: "bin", mode: 0o755 },
    { type: "dir", name: "dev", mode: 0o755 },
    { type: "nod", name: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { type: "file", name: "bin/busybox", mode: 0o755, data },
    ...(init === undefined
      ? []
      : [
          {
            type: "file",
            name: "init",
            mode: 0o755,
            data: Buffer.from(`#!/bin/busybox sh\n${init}\n`),
          } as const,
        ]),
  ] as const;
  writeFileSync(path, cpioArchive(entries));
  return path;
}

describe("guest images", () => {
  it.each([
    [
      "--vm-kernel=/no/kernel",
      /cannot read the guest kernel \/no\/kernel: no such file or directory: .*--vm-kernel/,
    ],
    ["--vm-kernel=/tmp", /the guest kernel \/tmp is not a file: name another with --vm-kernel/],
    ["--vm-kernel=/dev/null", /the guest kernel \/dev\/null is not a file/],
    ["--vm-kernel=/etc/passwd", /\/etc\/passwd is not a kernel: expected an x86-64 bzImage or vmlinux/],
    ["--vm-kernel=/bin/busybox", /has no PVH entry: build it with CONFIG_PVH=y/],
    ["--vm-rootfs=/no/initramfs", /cannot read the guest initramfs \/no\/initramfs: .*--vm-rootfs/],
    ["--vm-rootfs=/tmp", /the guest initramfs \/tmp is not a file/],
    ["--vm-rootfs=/etc/passwd", /\/etc\/passwd is not an initramfs: expected a cpio archive/],
  ])("%s is refused before a VM is started", async (flag, message) => {
    await expectRefused(runtime, run(flag), message);
  });

  it.skipIf(distro === "")("a kernel without the driver of the share is refused", async () => {
    await expectRefused(runtime, run(distro, "--vm-share=9p"), /9p/);
  });
});

describe("the programs of the host", () => {
  it.each([
    ["NK_QEMU", "/no/qemu", /NK_QEMU names \/no\/qemu, which is no program/],
    ["NK_QEMU", "/etc/passwd", /NK_QEMU names \/etc\/passwd, which is no program/],
    ["NK_QEMU", "/bin/true", /\/bin\/true is no QEMU: expected "QEMU emulator version …"/],
    ["NK_VIRTIOFSD", "/no/virtiofsd", /the share virtiofs needs virtiofsd, and none was found: install it/],
    ["NK_VIRTIOFSD", "/bin/true", /start virtiofsd: virtiofsd exited with code 0/],
  ])("%s=%s is refused", async (name, path, message) => {
    await expectRefused(runtime, run("--vm-share=virtiofs"), message, { env: { [name]: path } });
  });

  it("a QEMU that is too old is refused, whether it knows our options or not", async () => {
    const message = /QEMU 4\.0\.0 is too old: 5\.2 or later is needed/;
    await expectRefused(runtime, run(), message, { env: { NK_QEMU: fakeQemu("older") } });
    const env = { NK_QEMU: fakeQemu("too-old") };
    await expectRefused(runtime, run(), /QEMU 4\.2\.0 is too old/, { env });
  });

  it("a QEMU that dies at its start is told with what it said", async () => {
    const { stderr } = await expectRefused(runtime, run(), /start the VMM: QEMU exited with code 1/, {
      env: { NK_QEMU: fakeQemu("exit-before-bind") },
    });
    expect(stderr).toMatch(/\n {2}\| fake-qemu: could not allocate memory/);
  });

  it("a QEMU that says nothing is given up at the deadline", async () => {
    const env = { NK_QEMU: fakeQemu("never-bind"), NK_TIMEOUT_SCALE: "0.02" };
    await expectRefused(runtime, run(), /QEMU's QMP greeting did not come within \d+ ms/, { env });
  });

  it.each(["NK_QEMU", "NK_VIRTIOFSD"])("%s cannot be a script, which needs other programs", async (name) => {
    const env = { [name]: script("wrapper", "exec true") };
    await expectRefused(runtime, run("--vm-share=virtiofs"), /found a script: name the program itself/, {
      env,
    });
  });

  it.skipIf(kvmWorks())("KVM that does not work is refused when it is demanded", async () => {
    await expectRefused(
      runtime,
      run("--vm-accel=kvm"),
      /KVM was asked for and cannot be used: .*--vm-accel=auto/,
    );
  });
});

function kvmWorks(): boolean {
  // A guest that runs in hardware: the only proof there is.
  try {
    const verdict = JSON.parse(readFileSync("/run/nano-sandbox/.accel/kvm-qemu.json", "utf8")) as {
      usable?: boolean;
    };
    return verdict.usable === true;
  } catch {
    return false;
  }
}

describe("a boot that fails", () => {
  const log = (): string => join(dir, "log.json");
  const logged = (): string[] => ["--log", log(), "--log-format", "json"];

  async function refusedBoot(image: string, message: RegExp, env: NodeJS.ProcessEnv = {}) {
    rmSync(log(), { force: true });
    const flags = [`--vm-rootfs=${image}`];
    const { stderr } = await expectRefused(runtime, [...logged(), ...run(...flags)], message, { env });
    return { stderr, entry: JSON.parse(readFileSync(log(), "utf8")) as Record<string, unknown> };
  }

  it("because the kernel panics says so, with the end of the console", async () => {
    const image = initramfs("no-init.cpio");
    const { stderr, entry } = await refusedBoot(image, /the VM ended: the guest's kernel panicked: /);
    expect(stderr).toMatch(/\n {2}\| \[ +\d+\.\d+\] /);
    expect(entry).toMatchObject({ code: "BOOT", phase: "the agent's hello" });
  });

  it("because the guest hangs ends at its deadline, and says what did not come", async () => {
    const image = initramfs("hang.cpio", "echo here I hang >/dev/console; exec /bin/busybox sleep 100000");
    const env = { NK_TIMEOUT_SCALE: "0.1" };
    const { stderr, entry } = await refusedBoot(image, /the agent's hello did not come within \d+ ms/, env);
    expect(stderr).toContain("  | here I hang");
    expect(entry).toMatchObject({ code: "TIMEOUT", phase: "the agent's hello" });
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("because of %s says so in one line", async (signal, status) => {
    const image = initramfs("wait.cpio", "exec /bin/busybox sleep 100000");
    const id = runtime.id();
    const args = ["run", "--mode=vm", "-b", bundle, `--vm-rootfs=${image}`, id];
    const consoleLog = join(runtime.root, id, "console.log");
    const { code, stderr } = await runtime.call(args, {
      during: (child) => void whenThere(consoleLog).then(() => child.kill(signal)),
    });
    expect(code).toBe(status);
    expect(stderr).toMatch(new RegExp(`^nk-runtime: ${signal} ended the container before it was created`));
    expectOneLine(stderr);
    expect(existsSync(join(runtime.root, id))).toBe(false);
  });
});

const LEAST =
  /^nk-runtime: expected at least (\d+) MiB of memory for a VM with the guest kernel .*: give it more/;

describe.each(kernels())("the least memory that is taken with the kernel %s", (_name, kernel) => {
  it.each(["crun", "runc"])("boots, and less is refused before the boot (%s)", async (vmRuntime) => {
    const flags = [kernel, `--vm-runtime=${vmRuntime}`];
    const few = await runtime.call(run(...flags, "--vm-memory=64"));
    if (few.code !== 0) expectOneLine(few.stderr);
    const least = few.code === 0 ? "64" : LEAST.exec(few.stderr)?.[1];
    const call = await runtime.call(run(...flags, `--vm-memory=${least}`));
    expect(call).toEqual({ code: 0, stdout: "ran\n", stderr: "" });
  });
});

it.skipIf(distro === "")("too little memory is refused wherever it is set", async () => {
  const settings = join(dir, "settings");
  mkdirSync(settings, { recursive: true });
  writeFileSync(join(settings, "config.json"), '{"vm":{"memory":64}}');
  const plain = (await runtime.bundle({ args: ["true"] })).dir;
  const annotated = await runtime.bundle({
    args: ["true"],
    annotations: { "org.nano-sandbox.vm.memory": "64" },
  });
  const sized = await runtime.bundle({
    args: ["true"],
    config: { vm: { hwConfig: { memory: 64 * 1024 * 1024 } } },
  });
  for (const [bundleDir, env] of [
    [annotated.dir, {}],
    [sized.dir, {}],
    [plain, { NK_CONFIG_DIR: settings }],
  ] as const) {
    const words = ["run", "--mode=vm", distro, "-b", bundleDir, runtime.id()];
    const { code, stderr } = await runtime.call(words, { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(LEAST);
  }
  const made = await runtime.call(["vm-create", distro, "--vm-memory=64", runtime.id()]);
  expect(made).toMatchObject({ code: 1, stderr: expect.stringMatching(LEAST) as string });
});

it("refuses more memory than the host has", async () => {
  await expectRefused(
    runtime,
    run("--vm-memory=1048576"),
    /expected at most \d+ MiB .* found 1048576: .*--vm-memory/,
  );
});

/** Resolves when the file has something in it. */
async function whenThere(path: string): Promise<void> {
  await expect
    .poll(() => existsSync(path) && readFileSync(path).length > 0, { timeout: scaled(30_000), interval: 20 })
    .toBe(true);
}
