import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AtTerminal } from "./at-terminal.ts";
import { distroKernel, kernels, Runtime } from "./runtime.ts";

/** A root file system on a disk of the guest: `--vm-share=block`. What such a disk has in it is looked at in tree.test.ts. */
let runtime: Runtime;
let cache: string;
let volume: string;

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "nk-disks-"));
  volume = mkdtempSync(join(tmpdir(), "nk-volume-"));
  process.env["NK_DISK_CACHE"] = cache;
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
  // Copies of the containers are gone, and every image is whole.
  expect(readdirSync(cache).filter((name) => !/^\d+-[0-9a-f]{32}\.(ext4|erofs|upper)$/.test(name))).toEqual(
    [],
  );
  delete process.env["NK_DISK_CACHE"];
  rmSync(cache, { recursive: true });
  rmSync(volume, { recursive: true });
});

const flagsOf = (format: string): string[] => ["--vm-share=block", `--vm-block-fs=${format}`];

/** A second container of one bundle. */
async function start(dir: string, flags: string[]): Promise<string> {
  const id = runtime.id();
  await runtime.detached(["run", "-d", "--mode=vm", ...flags, "--bundle", dir, id]);
  return id;
}

const inside = (id: string, script: string): Promise<string> => runtime.ok(["exec", id, "sh", "-c", script]);

describe.each(["ext4", "erofs"])("a root on %s", (format) => {
  const flags = flagsOf(format);
  const imagesNow = (): string[] => readdirSync(cache).filter((name) => name.endsWith(format));

  it("is the container's own: neither the host nor another container of the image sees its writes", async () => {
    const { dir, rootfs } = await runtime.bundle({
      args: ["sleep", "1000000"],
      files: { "/etc/thing": "from the image", "/etc/other": "from the image" },
      mounts: [
        { destination: "/data/deep", type: "bind", source: volume, options: ["rbind"] },
        { destination: "/etc/one", type: "bind", source: join(volume, "file"), options: ["bind", "ro"] },
      ],
    });
    writeFileSync(join(volume, "file"), "one file");
    const before = readdirSync(rootfs);
    const first = await start(dir, flags);
    await settled();
    const second = await start(dir, flags);

    await inside(first, "echo mine >/etc/thing; echo new >/new; rm /etc/other; mkdir /a && mv /var /a/var");
    expect(await inside(first, "cat /etc/thing /new; ls -d /a/var; ls /etc/other 2>&1; true")).toBe(
      "mine\nnew\n/a/var\nls: /etc/other: No such file or directory\n",
    );
    expect(await inside(second, "cat /etc/thing /etc/other; ls -d /new /var 2>&1; true")).toBe(
      "from the imagefrom the imagels: /new: No such file or directory\n/var\n",
    );
    expect(await runtime.ok(["vm-stats", first])).toMatch(
      /^disk vda: [1-9]\d*\.\d MiB read in [1-9]\d* requests, /m,
    );
    expect(readdirSync(rootfs)).toEqual(before);
    expect(readFileSync(join(rootfs, "etc/thing"), "utf8")).toBe("from the image");

    // Bind mounts are the host's, live and both ways, and nothing else of the host is there.
    expect(await inside(first, "cat /etc/one /data/deep/file; echo no >/etc/one || echo refused")).toContain(
      "one fileone filerefused",
    );
    await inside(first, "echo from the guest >/data/deep/out");
    expect(readFileSync(join(volume, "out"), "utf8")).toBe("from the guest\n");
    writeFileSync(join(volume, "in"), "later");
    expect(await inside(second, "cat /data/deep/in /data/deep/out")).toBe("laterfrom the guest\n");

    const { vm } = JSON.parse(readFileSync(join(runtime.root, first, "state.json"), "utf8")) as {
      vm: Record<string, unknown>;
    };
    expect(vm).toMatchObject({ share: "block", blockFs: format });
    for (const id of [first, second]) await runtime.ok(["delete", "--force", id]);
    expect(imagesNow().length).toBeLessThanOrEqual(1);
  });

  it("is made anew when the root file system has changed", async () => {
    const { dir, rootfs } = await runtime.bundle({ args: ["cat", "/etc/passwd"] });
    const run = (): Promise<string> =>
      runtime.ok(["run", "--mode=vm", ...flags, "--bundle", dir, runtime.id()]);
    await settled();
    await run();
    expect(imagesNow().length).toBe(1);
    const text = readFileSync(join(rootfs, "etc/passwd"), "utf8");
    writeFileSync(join(rootfs, "etc/passwd"), text.replace("root:x", "toor:x"));
    expect(await run()).toBe(text.replace("root:x", "toor:x"));
  });

  it("is read-only when config.json says so, and has its volumes", async () => {
    const mounts = [
      { destination: "/data", type: "bind", source: volume, options: ["rbind"] },
      { destination: "/made/for/this", type: "tmpfs" },
    ];
    const script = "echo x >/data/x && echo y >/made/for/this/y && echo both; echo z >/z";
    const result = await runtime.run({ args: ["sh", "-c", script], readonlyRoot: true, mounts }, flags);
    expect(result.stdout).toBe("both\n");
    expect(result.stderr).toContain("can't create /z: Read-only file system");
    expect(readFileSync(join(volume, "x"), "utf8")).toBe("x\n");
  });

  it("has an end, which the container is told, and gives back to the host what is deleted", async () => {
    const id = await runtime.background({}, flags);
    const emptyMib = writtenMib(id);
    expect(emptyMib).toBeLessThan(20);
    await inside(id, "dd if=/dev/urandom of=/data bs=1M count=64 2>/dev/null; sync");
    expect(writtenMib(id)).toBeGreaterThanOrEqual(64);
    await inside(id, "rm /data; sync");
    expect(writtenMib(id)).toBeLessThan(emptyMib + 20);

    // What is reserved is not written, so this costs the host nothing.
    expect(await inside(id, "fallocate -l 9G /big; fallocate -l 9G /rest 2>&1; true")).toMatch(
      /No space left/,
    );
    expect(await inside(id, "dd if=/dev/zero of=/x bs=1M count=64 2>&1; true")).toMatch(/No space left/);
    expect(await inside(id, "rm /big /rest /x; echo again >/again; cat /again")).toBe("again\n");
    await runtime.ok(["delete", "--force", id]);
  });
});

/** "" for a descriptor that was closed meanwhile: a connection of a command that has ended. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** What the container's disk takes on the host: a file without a name that its monitor holds. */
function writtenMib(id: string): number {
  const { vm } = JSON.parse(readFileSync(join(runtime.root, id, "state.json"), "utf8")) as {
    vm: { monitorPid: number };
  };
  const fds = `/proc/${vm.monitorPid}/fd`;
  const disks = readdirSync(fds).filter((fd) => {
    const file = linkOf(join(fds, fd));
    return file.startsWith(cache) && file.endsWith("/image (deleted)");
  });
  expect(disks.length).toBe(1);
  return (statSync(join(fds, disks[0] ?? "")).blocks * 512) / 1024 ** 2;
}

describe.each(kernels())("with the kernel %s and no bind mounts", (_name, kernel) => {
  it("needs no share: neither a server nor a device", async () => {
    const id = await runtime.background({}, ["--vm-share=block", kernel]);
    expect(await inside(id, "grep -c -E 'virtiofs|9p' /proc/mounts || true")).toBe("0\n");
    const trace = readFileSync(join(runtime.root, id, "trace.jsonl"), "utf8");
    expect(trace).toContain("virtio-blk-device");
    expect(trace).not.toMatch(/virtiofsd|-fsdev/);
    await runtime.ok(["delete", "--force", id]);
  });
});

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

/** Until then the kernel may give a later change of the same file the same time: such an image is not kept. */
async function settled(): Promise<void> {
  const end = process.hrtime.bigint() + 150_000_000n;
  while (process.hrtime.bigint() < end) await new Promise(setImmediate);
}

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
