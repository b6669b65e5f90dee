// What `nk-runtime doctor` says of Firecracker: of stand-ins for it that lack something, or are amiss.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { closedKvm } from "../../src/vm/accel.ts";
import { buildVsockDevice, FAKE_FIRECRACKER } from "../fixtures/fake-firecracker.ts";
import { makeBundle } from "../fixtures/make-bundle.ts";
import { dir, report, useDoctor } from "./doctor-rig.ts";

useDoctor();

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
      "one whose API dies of its filter of system calls",
      { NK_FAKE_FC_FAULT: "api-filtered,guest-panics" },
      "acceleration",
      /did not run: .*code 148 \(it made a system call/,
      /docs\/firecracker\.md/,
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

  it("warns of a hole in the vsock device of every release before 1.16.2, also where QEMU runs the VMs", async () => {
    const { check } = await report(["--vm-vmm=qemu"], standIn({ NK_FAKE_FC_VERSION: "1.15.1" }));
    expect(check("firecracker")).toMatchObject({
      status: "warn",
      found: expect.stringMatching(/^1\.15\.1 .*CVE-2026-122192/) as unknown,
    });
  });

  it("warns of what is known of a release", async () => {
    const { check } = await report(FIRECRACKER, standIn({ NK_FAKE_FC_VERSION: "1.16.1", ...REFUSED }));
    expect(check("firecracker")).toMatchObject({
      status: "warn",
      found: expect.stringMatching(
        /faults: a guest may reach .*CVE-2026-122192.*; after vm-pause .*#6074/,
      ) as unknown,
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
      expect(check("acceleration")?.found).toMatch(
        want === "on" ? /^not checked$/ : /another hypervisor uses/,
      );
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
    const isNeeded = status === "fail";
    // Without KVM nothing is settled, and it does not come to the question.
    const otherwise = withoutKvm ? "warn" : "ok";
    expect(check("share in force")?.status).toBe(isNeeded ? "fail" : otherwise);
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
