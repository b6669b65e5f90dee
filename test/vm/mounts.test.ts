import { execFileSync } from "node:child_process";
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
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { BundleOptions, Mount, TestBundle } from "../fixtures/make-bundle.ts";
import { started } from "./machine-checks.ts";
import { Runtime } from "./runtime.ts";
import { QEMU_SHARES } from "./share-cases.ts";

/** The mounts of config.json do in a VM what they do on a host, and links of the root file system lead nowhere: by every way in which files get there. */

interface Way {
  flags: readonly string[];
  /** In a VM made by hand, together with another container. */
  joined?: true;
  obstacle?: string;
}

const WAYS: Readonly<Record<string, Way>> = {
  ...QEMU_SHARES,
  block: { flags: ["--vm-share=block"] },
  "block, with runc in the VM": { flags: ["--vm-share=block", "--vm-runtime=runc"] },
  "virtiofs, in a VM made by hand": { flags: ["--vm-share=virtiofs"], joined: true },
  "9p, in a VM made by hand": { flags: ["--vm-share=9p"], joined: true },
};

let runtime: Runtime;
let cache: string;
let source: string;

beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), "nk-disks-"));
  process.env["NK_DISK_CACHE"] = cache;
  runtime = new Runtime();
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
  delete process.env["NK_DISK_CACHE"];
  rmSync(cache, { recursive: true });
});
beforeEach(() => {
  source = mkdtempSync(join(tmpdir(), "nk-source-"));
  mkdirSync(join(source, "sub"));
  writeFileSync(join(source, "file"), "bound\n");
});
afterEach(() => rmSync(source, { recursive: true }));

const bind = (destination: string, from: string, ...options: string[]): Mount => ({
  destination,
  type: "bind",
  source: from,
  options: ["rbind", ...options],
});

describe.each(Object.entries(WAYS))("by %s", (_name, { flags, joined, obstacle }) => {
  let vm: string | undefined;

  beforeAll(async () => {
    if (!joined) return;
    vm = runtime.id();
    await started(runtime, vm, ...flags);
    const { dir } = await runtime.bundle({ args: ["sleep", "1000000"] });
    await runtime.detached(["run", "-d", "--vm", vm, "--bundle", dir, runtime.id()]);
  });
  afterAll(async () => {
    if (vm !== undefined) await runtime.ok(["vm-delete", "--force", vm]);
  });

  const place = (): string[] => (vm === undefined ? ["--mode=vm", ...flags] : ["--vm", vm]);

  /** What a shell prints in such a container, both streams. */
  async function sh(
    script: string,
    options: BundleOptions,
    prepare: (bundle: TestBundle) => void = () => {},
  ) {
    const bundle = await runtime.bundle({ args: ["sh", "-c", `exec 2>&1; ${script}`], ...options });
    prepare(bundle);
    const { stdout, stderr } = await runtime.call(["run", ...place(), "--bundle", bundle.dir, runtime.id()]);
    expect(stderr).toBe("");
    return stdout.split("\n").slice(0, -1);
  }

  it("each bind is a mount with its own flags, below a read-only root and a read-only bind", async ({
    skip,
  }) => {
    skip(obstacle !== undefined, obstacle);
    const mounts = [
      bind("/data", source, "rw"),
      bind("/parent", source, "ro", "noatime"),
      bind("/parent/sub", join(source, "sub"), "rw", "nosuid"),
      bind("/etc/file", join(source, "file"), "ro"),
    ];
    const script = [
      "awk '$5 ~ /^.(data|parent|etc)/ {print $5, $6}' /proc/self/mountinfo | sort",
      "for at in / /data/ /parent/ /parent/sub/; do echo $at >${at}made && echo ${at}; done",
      "echo x >/etc/file",
    ].join("; ");
    const lines = await sh(`pwd; ${script}`, { mounts, readonlyRoot: true, cwd: "/srv/for/it" });
    expect(lines.shift()).toBe("/srv/for/it");
    expect(lines.slice(0, 4)).toEqual([
      expect.stringMatching(/^\/data rw,/),
      expect.stringMatching(/^\/etc\/file ro,/),
      expect.stringMatching(/^\/parent ro,.*noatime/),
      expect.stringMatching(/^\/parent\/sub rw,.*nosuid/),
    ]);
    expect(lines.slice(4)).toEqual([
      "sh: can't create /made: Read-only file system",
      "/data/",
      "sh: can't create /parent/made: Read-only file system",
      "/parent/sub/",
      "sh: can't create /etc/file: Read-only file system",
    ]);
    expect(readFileSync(join(source, "made"), "utf8")).toBe("/data/\n");
    expect(readFileSync(join(source, "sub/made"), "utf8")).toBe("/parent/sub/\n");
  });

  it("what is mounted below a bind is a mount of its own, and not read-only with it", async ({ skip }) => {
    skip(obstacle !== undefined, obstacle);
    const sub = join(source, "sub");
    execFileSync("mount", ["-t", "tmpfs", "-o", "nosuid", "tmpfs", sub]);
    try {
      const mounts = [bind("/one", source, "ro"), bind("/all", source, "ro", "rro"), bind("/rw", source)];
      const script = [
        "awk '$5 ~ /^.(one|all|rw)/ {print $5, $6}' /proc/self/mountinfo | sort",
        "for at in /one /one/sub /all /all/sub /rw /rw/sub; do echo x 2>/dev/null >$at/made && echo $at; done",
      ].join("; ");
      const lines = await sh(script, { mounts });
      expect(lines.slice(0, 6)).toEqual([
        expect.stringMatching(/^\/all ro,/),
        expect.stringMatching(/^\/all\/sub ro,.*nosuid/),
        expect.stringMatching(/^\/one ro,/),
        expect.stringMatching(/^\/one\/sub rw,.*nosuid/),
        expect.stringMatching(/^\/rw rw,/),
        expect.stringMatching(/^\/rw\/sub rw,.*nosuid/),
      ]);
      expect(lines.slice(6).filter((line) => line.startsWith("/"))).toEqual(["/one/sub", "/rw", "/rw/sub"]);
      expect(readFileSync(join(sub, "made"), "utf8")).toBe("x\n");
    } finally {
      execFileSync("umount", [sub]);
    }
  });

  it("devices are there without a mount on /dev, below a read-only root", async ({ skip }) => {
    skip(obstacle !== undefined, obstacle);
    const more = { path: "/dev/more", type: "c", major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 };
    const linux = { devices: [more], resources: { devices: [{ allow: true, access: "rwm" }] } };
    const mounts = [{ destination: "/proc", type: "proc", source: "proc" }];
    const script = "pwd; echo x >/dev/more; echo x >/dev/null; cat /dev/kept; echo x >/made";
    const options = {
      linux,
      config: { mounts },
      readonlyRoot: true,
      cwd: "/srv/made",
      files: { "dev/kept": "kept\n" },
    };
    const lines = await sh(script, options);
    expect(lines).toEqual(["/srv/made", "kept", "sh: can't create /made: Read-only file system"]);
  });

  it("links lead a destination within the root, and nothing that is bound can be renamed or removed", async ({
    skip,
  }) => {
    skip(obstacle !== undefined, obstacle);
    const links = {
      "var/run": "/run",
      "var/lib": "../state",
      "etc/zone": "/usr/zone/There",
      srv: "/run",
      up: "../../../run",
    };
    const hostile = mkdtempSync(join(tmpdir(), "nk-source-"));
    symlinkSync("/run", join(hostile, "out"));
    const file = join(source, "file");
    const mounts = [
      bind("/var/run/secrets", source, "ro"),
      { destination: "/state", type: "tmpfs", source: "tmpfs" },
      bind("/var/lib/sock", source, "rw"),
      bind("/etc/zone", file, "ro"),
      bind("/srv/nk", source, "nosuid"),
      bind("/up/nk/share", source),
      bind("/vol", hostile),
      bind("/vol/out/of/it", source),
      bind("/etc/hosts", file),
    ];
    const script = [
      "for f in /run/secrets /state/sock /run/nk /run/nk/share /run/of/it; do cat $f/file; done; cat /usr/zone/There",
      "ls /srv/nk",
      "echo by link >/srv/nk/written; ls -A /state",
      "echo new >/etc/new; mv -f /etc/new /etc/hosts; rm -f /etc/hosts; cat /etc/hosts",
    ].join("; ");
    const lines = await sh(script, { mounts, capabilities: [] }, ({ rootfs }) => {
      for (const [name, target] of Object.entries(links)) symlinkSync(target, join(rootfs, name));
    });
    expect(lines).toEqual([
      ...Array<string>(6).fill("bound"),
      "file",
      "share",
      "sub",
      "sock",
      expect.stringMatching(/^mv: .*Device or resource busy/),
      expect.stringMatching(/^rm: .*Device or resource busy/),
      "bound",
    ]);
    expect(readFileSync(join(source, "written"), "utf8")).toBe("by link\n");
    expect(existsSync("/run/nk")).toBe(false);
    rmSync(hostile, { recursive: true });
  });

  it("what the host mounts later is there below a slave bind, and not below a private one", async ({
    skip,
  }) => {
    skip(obstacle !== undefined, obstacle);
    const mount = (...args: string[]): void => void execFileSync("mount", args);
    mount("-t", "tmpfs", "tmpfs", source);
    mount("--make-shared", source);
    try {
      mkdirSync(join(source, "slot"));
      const id = runtime.id();
      const mounts = [bind("/slave", source, "rslave"), bind("/private", source, "rprivate")];
      const { dir } = await runtime.bundle({ args: ["sleep", "1000000"], mounts });
      await runtime.detached(["run", "-d", ...place(), "--bundle", dir, id]);
      const inside = (script: string) => runtime.ok(["exec", id, "sh", "-c", script]);
      expect(await inside("ls /slave/slot /private/slot")).toBe("/private/slot:\n\n/slave/slot:\n");
      mount("-t", "tmpfs", "tmpfs", join(source, "slot"));
      writeFileSync(join(source, "slot/later"), "");
      expect(await inside("echo x >/slave/slot/back; ls /slave/slot /private/slot")).toBe(
        "/private/slot:\n\n/slave/slot:\nback\nlater\n",
      );
      expect(readFileSync(join(source, "slot/back"), "utf8")).toBe("x\n");
      // With virtiofs the server has it open for as long as the guest remembers it.
      execFileSync("umount", ["-l", join(source, "slot")]);
      await runtime.ok(["delete", "--force", id]);
    } finally {
      execFileSync("umount", ["-R", "-l", source]);
    }
  });

  it("links lead no other path of config.json out of the root", async ({ skip }) => {
    skip(obstacle !== undefined, obstacle);
    const linux = {
      maskedPaths: ["/to-run/nk/secret"],
      readonlyPaths: ["/to-run/nk/kept"],
      devices: [{ path: "/to-dev/more", type: "c", major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 }],
      resources: { devices: [{ allow: true, access: "rwm" }] },
    };
    const script =
      "pwd; ls -A /run/nk; cat secret; echo x >kept/x; echo x >/dev/more && ls -l /dev/more | cut -c1";
    const lines = await sh(script, { linux, cwd: "/to-run/nk" }, ({ rootfs }) => {
      symlinkSync("/run", join(rootfs, "to-run"));
      symlinkSync("/dev", join(rootfs, "to-dev"));
      mkdirSync(join(rootfs, "run/nk/kept"), { recursive: true });
      writeFileSync(join(rootfs, "run/nk/secret"), "not to be read\n");
    });
    expect(lines).toEqual([
      "/run/nk",
      "kept",
      "secret",
      "sh: can't create kept/x: Read-only file system",
      "c",
    ]);
  });
});
