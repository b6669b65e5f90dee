import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
  cpSync,
  watch,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, dirname } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AtTerminal } from "./at-terminal.ts";
import { flagsOf, runtime, useDisks, volume } from "./block-rig.ts";
import { distroKernel, kernels } from "./runtime.ts";

/** What a root file system on a disk cannot do, and what is said of it. */
useDisks();

describe("a kernel that can mount nothing but disks", () => {
  let folder: string;
  let flags: string[];

  /** The distribution's kernel, whose virtiofs is a module: here it is not there. */
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "nk-kernel-"));
    const [name, flag = ""] = kernels().find(([file]) => file.startsWith("vmlinuz")) ?? [""];
    const kernel = flag.slice("--vm-kernel=".length);
    const modules = name.replace("vmlinuz", "modules");
    cpSync(kernel, join(folder, name));
    cpSync(join(dirname(kernel), modules), join(folder, modules), { recursive: true });
    const list = join(folder, modules, "modules.dep");
    const lines = readFileSync(list, "utf8").split("\n");
    writeFileSync(list, lines.filter((line) => !line.includes("/virtiofs.ko:")).join("\n"));
    flags = ["--vm-share=block", `--vm-kernel=${join(folder, name)}`];
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it("runs a container without bind mounts, and refuses one that has them", async () => {
    expect(await runtime.run({ args: ["echo", "on a disk"] }, flags)).toMatchObject({
      stdout: "on a disk\n",
    });
    const mounts = [{ destination: "/data", type: "bind", source: volume, options: ["rbind"] }];
    const result = await runtime.run({ mounts }, flags);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(
      /with --vm-share=block bind mounts of config\.json still need a share.*: the guest's kernel cannot mount/,
    );
  });
});

describe("what block images cannot do", () => {
  it("is said before anything starts: a tree that no format holds", async () => {
    const { dir, rootfs } = await runtime.bundle();
    mkdirSync(join(rootfs, "n".repeat(255)));
    const result = await runtime.call([
      "run",
      "--mode=vm",
      ...flagsOf("erofs"),
      "--bundle",
      dir,
      runtime.id(),
    ]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/erofs: mkfs\.erofs takes names of at most 254 bytes, and a file has 255/);
  });

  it("is forgotten when the container is given up before it is made", async () => {
    const bin = mkdtempSync(join(tmpdir(), "nk-bin-"));
    const script = `#!/bin/sh\ntouch ${bin}/started\nexec sleep 1000\n`;
    writeFileSync(join(bin, "mkfs.ext4"), script, { mode: 0o755 });
    try {
      const { dir } = await runtime.bundle();
      const args = ["run", "--mode=vm", ...flagsOf("ext4"), "--bundle", dir, runtime.id()];
      const { code, stderr } = await runtime.call(args, {
        env: { PATH: `${bin}:${process.env["PATH"] ?? ""}` },
        during: (child) => {
          const watcher = watch(bin, () => {
            watcher.close();
            child.kill("SIGTERM");
          });
        },
      });
      expect(code).toBe(128 + 15);
      expect(stderr).toMatch(/SIGTERM/);
    } finally {
      rmSync(bin, { recursive: true });
    }
    // That no half-made image is left, is looked at after each test.
  });

  describe("while the VM is prepared", () => {
    let bin: string;
    let path: string;
    beforeEach(() => {
      bin = mkdtempSync(join(tmpdir(), "nk-bin-"));
      const script = "#!/bin/sh\nsleep 1.2\necho no room for this >&2\nexit 3\n";
      writeFileSync(join(bin, "mkfs.ext4"), script, { mode: 0o755 });
      path = process.env["PATH"] ?? "";
      process.env["PATH"] = `${bin}:${path}`;
    });
    afterEach(() => {
      process.env["PATH"] = path;
      rmSync(bin, { recursive: true });
    });

    it("is said at a terminal, after what took so long", async () => {
      const { dir, rootfs } = await runtime.bundle();
      const args = ["run", "--mode=vm", ...flagsOf("ext4"), "--bundle", dir, runtime.id()];
      const terminal = AtTerminal.run(runtime.root, args);
      await terminal.expect(`nk-runtime: making a disk image of ${rootfs} (`);
      expect(await terminal.upTo("\r\n")).toMatch(/^\d+ files, \d+ MiB\) …\r?$/);
      await terminal.expect("cannot make the disk of the root file system: mkfs.ext4 exited with code 3");
      expect((await terminal.end()).code).toBe(1);
    });

    it("is all that is said elsewhere", async () => {
      const { dir } = await runtime.bundle();
      const args = ["run", "--mode=vm", ...flagsOf("ext4"), "--bundle", dir, runtime.id()];
      const { code, stderr } = await runtime.call(args);
      expect(code).toBe(1);
      expect(stderr).toContain("no room for this");
      expect(stderr).not.toContain("making a disk image");
    });
  });
});

describe("a host without virtiofsd, and a guest kernel without 9p", () => {
  const NONE = { NK_VIRTIOFSD: "/nonexistent" };
  // A distribution's: ours has 9p.
  const kernel = distroKernel() ?? "";

  it.skipIf(kernel === "")("a container runs on a disk, which a person is told", async () => {
    const { dir } = await runtime.bundle({ args: ["sh", "-c", "echo x >/made && cat /made"] });
    // As at a terminal, every step is told.
    const words = ["run", "--educational", "--mode=vm", kernel, "--bundle", dir, runtime.id()];
    const { code, stdout, stderr } = await runtime.call(words, { env: NONE });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "x\n" });
    expect(stderr).toMatch(/no virtiofsd, and the guest's kernel no 9p: the root file system is a disk/);
    expect(readdirSync(join(dir, "rootfs"))).not.toContain("made");
  });

  it.skipIf(kernel === "")(
    "one with bind mounts is refused before anything starts, with what to install",
    async () => {
      const mounts = [{ destination: "/v", type: "bind", source: volume, options: ["rbind"] }];
      const { code, stderr } = await runtime.run({ args: ["true"], mounts }, [kernel], { env: NONE });
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^nk-runtime: bind mounts of config\.json and --vm-sync need a share, but .*install virtiofsd/,
      );
    },
  );
});
