import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BundleOptions } from "../fixtures/make-bundle.ts";
import { killsWhoEatsMemory } from "./life.ts";
import { distroKernel, Runtime, type Result } from "./runtime.ts";

/** What a container sees is what its config.json says: each checked from inside. */
let runtime: Runtime;
let folder: string;

async function sh(script: string, options: BundleOptions = {}, flags: string[] = []): Promise<Result> {
  return runtime.run({ args: ["sh", "-c", script], ...options }, flags);
}

/** Standard output of a script that has to succeed without a word on standard error. */
async function output(script: string, options: BundleOptions = {}): Promise<string> {
  const result = await sh(script, options);
  expect(result).toMatchObject({ code: 0, stderr: "" });
  return result.stdout;
}

/** A filter by which these system calls say that there are none. */
const refusing = (...names: string[]): object => ({
  defaultAction: "SCMP_ACT_ALLOW",
  architectures: ["SCMP_ARCH_X86_64"],
  syscalls: [{ names, action: "SCMP_ACT_ERRNO", errnoRet: 38 }],
});

beforeAll(() => {
  runtime = new Runtime();
  folder = mkdtempSync(join(tmpdir(), "nk-data-"));
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  expect(await runtime.close()).toEqual([]);
});

describe("process", () => {
  it("has args, env, cwd, user, groups and hostname", async () => {
    const result = await runtime.run({
      args: ["sh", "-c", 'echo "$0 $1|$COLOR|$(pwd)|$(id -u):$(id -g):$(id -G)|$(hostname)"', "a b", "c"],
      env: ["COLOR=dark blue"],
      cwd: "/usr",
      user: { uid: 1000, gid: 1001, additionalGids: [5, 6] },
      hostname: "my-host",
    });
    expect(result).toEqual({
      code: 0,
      stdout: "a b c|dark blue|/usr|1000:1001:1001 5 6|my-host\n",
      stderr: "",
    });
  });

  it("has the capabilities and no others", async () => {
    const status = await output("grep -E 'Cap(Eff|Bnd)|NoNewPrivs' /proc/self/status", {
      capabilities: ["CAP_CHOWN", "CAP_KILL"],
    });
    expect(status).toContain("CapEff:\t0000000000000021");
    expect(status).toContain("CapBnd:\t0000000000000021");
    expect(status).toContain("NoNewPrivs:\t1");
  });

  it("has the resource limits", async () => {
    const limits = await output("ulimit -Hn; ulimit -Sn; ulimit -Sc", {
      rlimits: [
        { type: "RLIMIT_NOFILE", hard: 777, soft: 333 },
        { type: "RLIMIT_CORE", hard: 0, soft: 0 },
      ],
    });
    expect(limits).toBe("777\n333\n0\n");
  });

  it("is confined by seccomp", async () => {
    const result = await sh("mkdir /tmp/x; grep Seccomp: /proc/self/status", {
      linux: { seccomp: refusing("mkdir", "mkdirat") },
    });
    expect(result.stderr).toContain("Function not implemented");
    expect(result.stdout).toContain("Seccomp:\t2");
  });
});

describe("mounts", () => {
  it("shows folders and files of the host, and shows the host what is written", async () => {
    const data = join(folder, "data");
    mkdirSync(data);
    writeFileSync(join(data, "in"), "from the host");
    writeFileSync(join(folder, "file"), "one file");
    const stdout = await output(
      "cat /data/in /etc/one; echo from the guest >/data/out; chmod 640 /data/out; chown 1000:1001 /data/out; ln -s out /data/link; ln /data/out /data/hard",
      {
        mounts: [
          { destination: "/data", type: "bind", source: data, options: ["rbind", "rw"] },
          { destination: "/etc/one", type: "bind", source: join(folder, "file"), options: ["bind", "ro"] },
        ],
      },
    );
    expect(stdout).toBe("from the hostone file");
    expect(readFileSync(join(data, "link"), "utf8")).toBe("from the guest\n");
    const { uid, gid, mode, nlink } = statSync(join(data, "out"));
    expect({ uid, gid, mode: mode & 0o777, nlink }).toEqual({
      uid: 1000,
      gid: 1001,
      mode: 0o640,
      nlink: 2,
    });
  });

  it("writes nothing to a read-only mount", async () => {
    const data = join(folder, "ro");
    mkdirSync(data);
    const result = await sh("echo x >/data/new; grep ' /data ' /proc/mounts", {
      mounts: [{ destination: "/data", type: "bind", source: data, options: ["rbind", "ro", "noexec"] }],
    });
    expect(result.stderr).toContain("Read-only file system");
    expect(result.stdout).toMatch(/ \/data \S+ ro,.*noexec/);
  });

  it("has a tmpfs with its options, and a read-only root", async () => {
    const result = await sh("df -k /scratch | tail -n 1; echo x >/scratch/x && echo scratch; echo x >/x", {
      readonlyRoot: true,
      mounts: [
        { destination: "/scratch", type: "tmpfs", source: "tmpfs", options: ["size=1024k", "mode=700"] },
      ],
    });
    expect(result.stdout).toMatch(/ 1024 .*\nscratch\n$/);
    expect(result.stderr).toContain("/x: Read-only file system");
  });

  it("masks paths and makes paths read-only", async () => {
    const result = await sh(
      "cat /proc/kcore | head -c 1 | wc -c; ls /proc/acpi | wc -l; echo 1 >/proc/sys/kernel/panic",
      {
        linux: { maskedPaths: ["/proc/kcore", "/proc/acpi"], readonlyPaths: ["/proc/sys"] },
      },
    );
    expect(result.stdout).toBe("0\n0\n");
    expect(result.stderr).toContain("Read-only file system");
  });
});

describe("linux", () => {
  it("gives the container namespaces of its own", async () => {
    const stdout = await output("echo $$; echo /proc/[0-9]* | wc -w; ip -o link | wc -l");
    expect(stdout).toMatch(/^1\n[1-4]\n[1-9]\n$/);
  });

  it("sets sysctls", async () => {
    const stdout = await output("cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_unprivileged_port_start", {
      linux: { sysctl: { "kernel.msgmax": "4321", "net.ipv4.ip_unprivileged_port_start": "80" } },
    });
    expect(stdout).toBe("4321\n80\n");
  });

  it("limits processes and CPU by cgroup", async () => {
    const stdout = await output("cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max", {
      linux: {
        namespaces: ["pid", "mount", "uts", "cgroup"].map((type) => ({ type })),
        resources: { pids: { limit: 50 }, cpu: { quota: 50_000, period: 100_000 } },
      },
    });
    expect(stdout).toBe("50\n50000 100000\n");
  });

  it("kills who eats more memory than the limit, and says so", () => killsWhoEatsMemory(runtime));
});

describe("hooks", () => {
  it("runs host hooks on the host with the state, and startContainer in the container", async () => {
    const log = join(folder, "hooks");
    const hook = (name: string): unknown => ({
      path: "/bin/sh",
      args: ["sh", "-c", `echo ${name} $(cat | tr -d ' \\n' | grep -o '"status":"[a-z]*"') >>${log}`],
    });
    const stdout = await output("cat /tmp/hook", {
      hooks: {
        prestart: [hook("prestart")],
        createRuntime: [hook("createRuntime")],
        createContainer: [hook("createContainer")],
        startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "uname -r >/tmp/hook"] }],
        poststart: [hook("poststart")],
        poststop: [hook("poststop")],
      },
    });
    expect(stdout).toMatch(/^\d/);
    const lines = readFileSync(log, "utf8").trim().split("\n");
    expect(lines.map((line) => line.split(" ")[0])).toEqual([
      "prestart",
      "createRuntime",
      "createContainer",
      "poststart",
      "poststop",
    ]);
    expect(lines[4]).toContain('"status":"stopped"');
  });
});

describe("exec", () => {
  it("takes user, environment, folder and process file", async () => {
    const id = await runtime.background({ env: ["A=1"] });
    expect(
      await runtime.ok([
        "exec",
        "-e",
        "B=2",
        "--cwd",
        "/usr",
        "-u",
        "1000:5",
        id,
        "sh",
        "-c",
        "echo $A$B $(pwd) $(id -u):$(id -g)",
      ]),
    ).toBe("12 /usr 1000:5\n");
    const file = join(folder, "process.json");
    writeFileSync(
      file,
      JSON.stringify({ args: ["/bin/echo", "from a file"], cwd: "/", user: { uid: 0, gid: 0 } }),
    );
    expect(await runtime.ok(["exec", "--process", file, id])).toBe("from a file\n");
    expect(await runtime.ok(["exec", "--exec", "echo $A; echo two words", id])).toBe("1\ntwo words\n");
    const missing = await runtime.call(["exec", id, "no-such-program"]);
    expect(missing.code).toBe(255);
    expect(missing.stderr).toContain("executable file not found in $PATH");
  });

  it("leaves a detached process with its pid file", async () => {
    const id = await runtime.background();
    const pidFile = join(folder, "exec.pid");
    await runtime.detached(["exec", "-d", "--pid-file", pidFile, id, "sleep", "77"]);
    expect(statSync(`/proc/${readFileSync(pidFile, "utf8")}`).isDirectory()).toBe(true);
    expect(await runtime.ok(["ps", id])).toContain("sleep 77");
  });
});

const other = distroKernel() ?? "";

describe.skipIf(other === "")("on the distribution's kernel", () => {
  it("what a kernel has to do is done as well", async () => {
    const data = join(folder, "other");
    mkdirSync(data);
    const script = [
      "grep -E 'CapEff|Seccomp:' /proc/self/status; mkdir /tmp/x",
      "cat /proc/sys/kernel/msgmax /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max",
      "echo $$; echo /proc/[0-9]* | wc -w; ip -o link | wc -l; hostname",
      "df -k /scratch | tail -n 1 | awk '{print $2}'; echo x >/x; cat /proc/kcore | wc -c; echo 1 >/proc/sys/kernel/panic",
      "echo from the guest >/data/out; echo no >/fixed/new; cat /fixed/out",
    ].join("; ");
    const options: BundleOptions = {
      hostname: "my-host",
      capabilities: ["CAP_CHOWN", "CAP_KILL"],
      readonlyRoot: true,
      mounts: [
        { destination: "/data", type: "bind", source: data, options: ["rbind", "rw"] },
        { destination: "/fixed", type: "bind", source: data, options: ["rbind", "ro"] },
        { destination: "/scratch", type: "tmpfs", source: "tmpfs", options: ["size=1024k"] },
      ],
      linux: {
        seccomp: refusing("mkdir", "mkdirat"),
        sysctl: { "kernel.msgmax": "4321" },
        resources: { pids: { limit: 50 }, cpu: { quota: 50_000, period: 100_000 } },
        namespaces: ["pid", "mount", "uts", "ipc", "network", "cgroup"].map((type) => ({ type })),
        maskedPaths: ["/proc/kcore"],
        readonlyPaths: ["/proc/sys"],
      },
    };
    const { code, stdout, stderr } = await sh(script, options, [other]);
    expect(code).toBe(0);
    const seen =
      /^CapEff:\t0{14}21\nSeccomp:\t2\n4321\n50\n50000 100000\n1\n[1-4]\n[1-9]\nmy-host\n1024\n0\nfrom the guest\n$/;
    expect(stdout).toMatch(seen);
    expect(stderr.split("\n")).toEqual([
      expect.stringMatching(/^mkdir: .*Function not implemented/),
      "sh: can't create /x: Read-only file system",
      "sh: can't create /proc/sys/kernel/panic: Read-only file system",
      "sh: can't create /fixed/new: Read-only file system",
      "",
    ]);
    expect(readFileSync(join(data, "out"), "utf8")).toBe("from the guest\n");
  });

  it("kills who eats more memory than the limit, and says so", () => killsWhoEatsMemory(runtime, other));
});
