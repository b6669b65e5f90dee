import { execFile } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { makeBundle } from "../fixtures/make-bundle.ts";
import { NK_RUNTIME } from "../fixtures/nk-runtime.ts";
import { dir, nk, report, useDoctor, type Report } from "./doctor-rig.ts";

useDoctor();

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
    expect(vm.summary).toMatch(new RegExp(`^cannot run: (VMM in force, )?${name}`));
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

  it("without virtiofsd says what auto takes, and what a bundle's bind mounts then lack", async () => {
    const env = { NK_VIRTIOFSD: "/nonexistent" };
    const { check, vm } = await report([], env);
    const has9p = check("kernel features")?.found.startsWith("mounts virtiofs and 9p") === true;
    expect(vm.works).toBe(true);
    expect(check("share in force")?.found).toMatch(has9p ? /^9p, chosen by auto/ : /^block, chosen by auto/);
    const mounts = [{ destination: "/v", type: "bind", source: dir, options: ["rbind"] }];
    const bundle = await makeBundle({ mounts });
    const withBinds = await report(["--bundle", bundle.dir], env);
    await bundle.cleanup();
    expect(withBinds.check("share in force")).toMatchObject(
      has9p
        ? { status: "ok" }
        : { status: "fail", mend: expect.stringContaining("apt-get install") as unknown },
    );
  });

  it("says when users of the host can run what a bundle's container will write", async () => {
    const bundle = await makeBundle();
    const closed = await report(["--bundle", bundle.dir]);
    chmodSync(bundle.dir, 0o755);
    const open = await report(["--bundle", bundle.dir]);
    await bundle.cleanup();
    expect(closed.check("root file system")?.status).toBe("ok");
    expect(open.check("root file system")).toMatchObject({ status: "warn", mend: `chmod 700 ${bundle.dir}` });
    expect(open.ok).toBe(true);
    expect((await report()).check("root file system")).toBeUndefined();
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
      mount -t tmpfs none /dev/net
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
      tun: "modprobe tun",
      memory: expect.stringContaining("--vm-memory") as unknown,
    });
  });

  it.each(["tap", "netns"])("without /dev/net/tun no VM can run with --vm-net=%s", async (net) => {
    const script = `mount -t tmpfs none /dev/net; exec "$@" doctor --format=json --vm-net=${net}`;
    const args = ["--mount", "--propagation=private", "sh", "-c", script, "sh", NK_RUNTIME, "--root", dir];
    // It ends with 1, for what cannot run.
    const { stdout } = await promisify(execFile)("unshare", args).catch((error: { stdout: string }) => error);
    const { checks, vm } = JSON.parse(stdout) as Report;
    expect(checks.find(({ name }) => name === "tun")).toMatchObject({ status: "fail", mend: "modprobe tun" });
    expect(vm).toMatchObject({ works: false, summary: "cannot run: tun" });
  });

  it("says which firewall keeps VMs from the network, and what opens it", async () => {
    const chain = "{ type filter hook forward priority 0; policy drop; }";
    const script = `nft add table inet guard; nft add chain inet guard pass '${chain}'; exec "$@" doctor --format=json`;
    const args = ["--net", "sh", "-c", script, "sh", NK_RUNTIME, "--root", dir];
    const { stdout } = await promisify(execFile)("unshare", args).catch((error: { stdout: string }) => error);
    const { checks } = JSON.parse(stdout) as Report;
    expect(checks.find(({ name }) => name === "firewall")).toMatchObject({
      status: "warn",
      mend: expect.stringContaining("nft insert rule inet guard pass iifname nk0 accept") as unknown,
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
