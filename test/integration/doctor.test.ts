import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { closedKvm } from "../../src/vm/accel.ts";
import { buildVsockDevice, FAKE_FIRECRACKER } from "../fixtures/fake-firecracker.ts";
import { makeBundle } from "../fixtures/make-bundle.ts";
import { NK_RUNTIME, NkRuntime } from "../fixtures/nk-runtime.ts";

interface Check {
  group: string;
  name: string;
  status: string;
  found: string;
  mend?: string;
}

interface Report {
  ok: boolean;
  vm: { works: boolean; summary: string };
  container: { works: boolean; summary: string };
  checks: Check[];
}

let nk: NkRuntime;
let dir: string;
beforeEach(async () => {
  nk = await NkRuntime.make();
  dir = mkdtempSync(join(tmpdir(), "nk-doctor-"));
});
afterEach(async () => {
  await nk.cleanup();
  rmSync(dir, { recursive: true });
});

async function report(
  args: string[] = [],
  env: Record<string, string> = {},
): Promise<Report & { code: number | null; check: (name: string) => Check | undefined }> {
  const { code, stdout } = await nk.run(["doctor", "--format=json", ...args], { env });
  const found = JSON.parse(stdout) as Report;
  return { ...found, code, check: (name) => found.checks.find((check) => check.name === name) };
}

describe("doctor", () => {
  it("finds this machine able to run both modes, and ends with the verdict", async () => {
    const { code, stdout } = await nk.run(["doctor"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}ok {4}qemu +\d+\.\d+.*, with microvm/m);
    expect(stdout).toMatch(/^Container mode {2}works, (runc|crun) \d/m);
    expect(stdout.slice(stdout.indexOf("VM mode "))).toMatch(
      /works, (KVM works|software emulation, because)/,
    );
    expect(stdout).toMatch(/^ {2}ok {4}VMM in force +(QEMU, because|Firecracker is installed)/m);
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
  });

  it("has a mend for everything that is not right", async () => {
    const { ok, code, checks, vm } = await report();
    expect({ ok, code, works: vm.works }).toEqual({ ok: true, code: 0, works: true });
    for (const { status, mend } of checks) expect(mend !== undefined).toBe(status !== "ok");
    expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length);
  });

  it.each<[string, string[], Record<string, string>, string, RegExp]>([
    ["no QEMU", [], { NK_QEMU: "/nonexistent" }, "qemu", /NK_QEMU names \/nonexistent.*apt-get install qemu/],
    ["a QEMU that is none", [], { NK_QEMU: "/bin/false" }, "qemu", /apt-get install qemu-system-x86/],
    ["a broken virtiofsd", [], { NK_VIRTIOFSD: "/bin/false" }, "virtiofs", /apt-get install/],
    ["no helper", [], { NK_SHADOW: "/nonexistent" }, "nk-shadow", /make -C native/],
    ["no kernel", ["--vm-kernel=/nonexistent"], {}, "guest kernel", /build-kernel\.sh/],
    ["something else than a kernel", ["--vm-kernel=/bin/sh"], {}, "guest kernel", /build-kernel\.sh|PVH/],
    ["something else than an initramfs", ["--vm-rootfs=/bin/sh"], {}, "initramfs", /build-rootfs\.sh/],
    [
      "a root that is too long",
      ["--root", `/tmp/${"x".repeat(120)}`],
      {},
      "socket paths",
      /at most 76 bytes/,
    ],
    ["a root that is no folder", ["--root", "/proc/version/x"], {}, "state folder", /--root DIR/],
  ])("with %s VM mode cannot run, and it says how to mend that", async (_, args, env, name, mend) => {
    const { code, ok, vm, check } = await report(args, env);
    expect({ ok, code, works: vm.works }).toEqual({ ok: false, code: 1, works: false });
    expect(check(name)).toMatchObject({ status: "fail", mend: expect.stringMatching(mend) as unknown });
    expect(vm.summary).toContain(`cannot run: ${name}`);
  });

  it("does not propose a package where a server lacks a right", async () => {
    const server = join(dir, "virtiofsd");
    writeFileSync(
      server,
      "#!/bin/sh\necho 'cannot create /run/virtiofsd: Read-only file system' >&2; exit 1\n",
      {
        mode: 0o755,
      },
    );
    const { check } = await report([], { NK_VIRTIOFSD: server });
    const { found, mend } = check("virtiofs") ?? {};
    expect(found).toContain("/run/virtiofsd");
    expect(mend).toBe("mount -o remount,rw the file system of the path that it names");
  });

  it("says of a distribution's kernel how to have ours", async () => {
    const { check } = await report();
    const { found = "", mend } = check("guest kernel") ?? {};
    if (/-nk,/.test(found)) expect(mend).toBeUndefined();
    else expect(`${found} ${mend}`).toMatch(/four times slower.*build-kernel\.sh/);
  });

  it("without a runtime only container mode cannot run", async () => {
    const { code, vm, container, check } = await report(["--host-runtime=nothing"]);
    expect({ code, vm: vm.works, container: container.works }).toEqual({
      code: 1,
      vm: true,
      container: false,
    });
    expect(check("host runtime")?.mend).toContain("--host-runtime");
  });

  it("warns of what is scarce or hidden", async () => {
    const script = `
      umount -l -R /sys/fs/cgroup
      mount --bind /dev/null /dev/ptmx
      mount -t tmpfs -o size=1m none "$2"
      ulimit -n 200
      exec "$1" --root "$2" doctor --vm-memory=1000G --format=json`;
    const args = ["--mount", "--propagation=private", "sh", "-c", script, "sh", NK_RUNTIME, dir];
    const { stdout } = await promisify(execFile)("unshare", args);
    const warnings = (JSON.parse(stdout) as Report).checks.filter(({ status }) => status === "warn");
    const mends = Object.fromEntries(warnings.map(({ name, mend }) => [name, mend]));
    expect(mends).toMatchObject({
      cgroups: "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
      terminals: expect.stringContaining("mount -t devpts") as unknown,
      "state folder": expect.stringContaining("--root DIR") as unknown,
      "open files": "ulimit -n 1024",
      memory: expect.stringContaining("--vm-memory") as unknown,
    });
  });

  it("looks at what a bundle asks for", async () => {
    const bundle = await makeBundle({ mounts: [{ destination: "/n", type: "nfs", source: "server:/n" }] });
    const { code, check, container } = await report(["--bundle", bundle.dir]);
    await bundle.cleanup();
    expect({ code, container: container.works }).toEqual({ code: 1, container: true });
    expect(check("kernel features")?.found).toContain(
      'a file system of type "nfs" cannot be mounted in a VM',
    );
  });

  it("without a capability says which, and what needs it", async () => {
    const args = ["--bounding-set=-sys_admin", NK_RUNTIME, "--root", dir, "doctor", "--format=json"];
    const failure: unknown = await promisify(execFile)("setpriv", args).catch((error: unknown) => error);
    const { checks } = JSON.parse((failure as { stdout: string }).stdout) as Report;
    const failed = checks.filter(({ status }) => status === "fail");
    expect(failed.map(({ name }) => name)).toEqual(expect.arrayContaining(["privileges", "namespaces"]));
    expect(failed.find(({ name }) => name === "privileges")?.found).toBe("root without CAP_SYS_ADMIN");
  });
});

/** A stand-in of its own, because what was found out about a program is remembered by its file. @returns the environment that names it */
function standIn(settings: Record<string, string>): Record<string, string> {
  const folder = mkdtempSync(join(dir, "fc-"));
  for (const name of ["firecracker", "jailer", "package.json"]) {
    copyFileSync(join(dirname(FAKE_FIRECRACKER), name), join(folder, name));
    const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(join(folder, `${name}.env`), lines.join(""));
  }
  return { NK_FIRECRACKER: join(folder, "firecracker"), NK_FAKE_FC_BUILD: resolve("build") };
}

const withoutKvm = closedKvm() !== undefined;
const FIRECRACKER = ["--vm-vmm=firecracker"];
const REFUSED = { NK_FAKE_FC_FAULT: "start-refused:kvm-busy" };

describe("doctor, of Firecracker", () => {
  it.skipIf(withoutKvm)(
    "finds it and KVM in order, warns of a jailer of another release, and says that auto takes it",
    async () => {
      buildVsockDevice();
      const env = standIn({ NK_FAKE_FC_GUEST: "qemu", NK_FAKE_FC_VERSION: "1.16.2" });
      const { code, check, vm } = await report([], { ...env, NK_QEMU: "/nonexistent" });
      expect(check("VMM in force")?.found).toBe("Firecracker is installed, and a tiny guest ran under KVM");
      expect(check("acceleration")?.found).toBe("KVM works: a tiny guest ran under Firecracker");
      expect(check("firecracker")).toMatchObject({
        status: "ok",
        found: expect.stringMatching(/^1\.16\.2 \(/) as unknown,
      });
      expect(check("jailer")).toMatchObject({
        status: "warn",
        found: expect.stringMatching(/^1\.16\.1 \(.*and Firecracker is 1\.16\.2/) as unknown,
      });
      expect(check("share in force")?.found).toMatch(/^block, chosen by auto/);
      expect(check("qemu")).toMatchObject({
        status: "warn",
        found: expect.stringContaining("not needed") as unknown,
      });
      expect({ code, works: vm.works }).toEqual({ code: 0, works: true });
    },
  );

  it.skipIf(withoutKvm).each<[string, Record<string, string>, string, RegExp, RegExp]>([
    [
      "a guest that does not start",
      REFUSED,
      "acceleration",
      /tiny guest under Firecracker did not run/,
      /--vm-vmm=qemu/,
    ],
    [
      "one that is too old",
      { NK_FAKE_FC_VERSION: "1.13.0" },
      "firecracker",
      /1\.13\.0 is too old/,
      /docs\/firecracker\.md/,
    ],
  ])(
    "%s is a failure where it is asked for, and a reason for QEMU where not",
    async (_, settings, name, found, mend) => {
      const env = standIn(settings);
      const demanded = await report(FIRECRACKER, env);
      expect(demanded.code).toBe(1);
      const words = {
        found: expect.stringMatching(found) as unknown,
        mend: expect.stringMatching(mend) as unknown,
      };
      expect(demanded.check(name)).toMatchObject({ status: "fail", ...words });
      const auto = await report([], env);
      expect({ code: auto.code, works: auto.vm.works }).toEqual({ code: 0, works: true });
      expect(auto.check("VMM in force")?.found).toMatch(new RegExp(`^QEMU, because .*${found.source}`));
    },
  );

  it.each<[string, string[], Record<string, string>, string, RegExp]>([
    ["no Firecracker", [], {}, "firecracker", /docs\/firecracker\.md/],
    ["something else", [], { NK_FIRECRACKER: "/bin/true" }, "firecracker", /docs\/firecracker\.md/],
    ["software emulation", ["--vm-accel=tcg"], {}, "VMM in force", /--vm-vmm=auto/],
    ["a share that it has not", ["--vm-share=virtiofs"], {}, "VMM in force", /--vm-vmm=auto/],
  ])("with %s it cannot run where it is asked for", async (_, args, env, name, mend) => {
    const { vm, check } = await report([...FIRECRACKER, ...args], env);
    expect(vm.summary).toContain(`cannot run: `);
    expect(check(name)).toMatchObject({ status: "fail", mend: expect.stringMatching(mend) as unknown });
  });

  it("warns of what is known of a release", async () => {
    const { check } = await report(FIRECRACKER, standIn({ NK_FAKE_FC_VERSION: "1.16.1", ...REFUSED }));
    expect(check("firecracker")).toMatchObject({
      status: "warn",
      found: expect.stringMatching(/after vm-pause .*#6074/) as unknown,
      mend: expect.stringContaining("1.16.2 or later") as unknown,
    });
    expect(check("jailer")).toMatchObject({
      status: "ok",
      found: expect.stringMatching(/^1\.16\.1 \(/) as unknown,
    });
  });

  it.each(["on", "auto"])(
    "without a jailer it can run unless --vm-jailer=on demands one (%s)",
    async (want) => {
      const { NK_FIRECRACKER = "", ...env } = standIn(REFUSED);
      rmSync(join(dirname(NK_FIRECRACKER), "jailer"));
      const { check } = await report([...FIRECRACKER, `--vm-jailer=${want}`], { ...env, NK_FIRECRACKER });
      const finding = {
        status: want === "on" ? "fail" : "warn",
        found: expect.stringContaining("none found") as unknown,
      };
      expect(check("jailer")).toMatchObject(finding);
    },
  );

  it.each([
    ["--vm-share=auto", "warn"],
    ["--vm-share=9p", "fail"],
    ["--vm-sync", "fail"],
  ])("without diod, with %s", async (flag, status) => {
    const env = { ...standIn(REFUSED), NK_DIOD: "/nonexistent" };
    const { check } = await report([...FIRECRACKER, flag], env);
    expect(check("9p-vsock")).toMatchObject({ status, mend: "apt-get install diod" });
    expect(check("share in force")?.status).toBe(flag === "--vm-share=9p" ? "fail" : "ok");
  });

  it("without diod, a bundle with bind mounts cannot run", async () => {
    const bind = { destination: "/b", type: "none", source: "/tmp", options: ["bind"] };
    const bundle = await makeBundle({ mounts: [bind] });
    const env = { ...standIn(REFUSED), NK_DIOD: "/nonexistent" };
    const { check } = await report([...FIRECRACKER, "--bundle", bundle.dir], env);
    await bundle.cleanup();
    expect(check("9p-vsock")?.status).toBe("fail");
  });
});

describe("doctor --config", () => {
  it("says where each setting came from", async () => {
    writeFileSync(join(dir, "config.json"), JSON.stringify({ vm: { accel: "tcg", memory: 300 } }));
    const bundle = await makeBundle({ annotations: { "org.nano-sandbox.vm.vcpus": "2" } });
    const args = ["doctor", "--config", "--bundle", bundle.dir, "--vm-memory=1G"];
    const env = { NK_CONFIG_DIR: dir };
    const { code, stdout } = await nk.run([...args, "--format=json"], { env });
    const text = await nk.run(args, { env });
    await bundle.cleanup();
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(
      expect.arrayContaining([
        { name: "mode", value: "container", origin: "default" },
        { name: "vm.vcpus", value: 2, origin: "annotation org.nano-sandbox.vm.vcpus" },
        { name: "vm.memory", value: 1024, origin: "--vm-memory" },
        { name: "vm.accel", value: "tcg", origin: `${dir}/config.json: vm.accel` },
      ]),
    );
    expect(text.stdout).toMatch(/^vm\.memory +1024 MiB +--vm-memory$/m);
  });
});
