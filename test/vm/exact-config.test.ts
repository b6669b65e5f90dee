import { writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatExact } from "../../src/base/exact-json.ts";
import { nested, rewriteConfig } from "../fixtures/raw-config.ts";
import { Runtime, type Result } from "./runtime.ts";

/** Numbers, absent members and text of config.json and of process files reach the guest as runc would read them. */
let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime();
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

type Change = Parameters<typeof rewriteConfig>[1];

async function run(script: string, change: Change, flags: string[] = []): Promise<Result> {
  const { dir } = await runtime.bundle({ args: ["sh", "-c", script] });
  rewriteConfig(dir, change);
  return runtime.runAgain(dir, flags);
}

/** Of the container, in its own words. */
const CGROUP = "/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)";

const INFINITY = 2n ** 64n - 1n;

/** A filter that refuses to set a file's size to one number, which no floating-point number is. */
function refuseSize(size: bigint): Record<string, unknown> {
  const args = [{ index: 1, value: size, op: "SCMP_CMP_EQ" }];
  return {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ["SCMP_ARCH_X86_64"],
    syscalls: [{ names: ["ftruncate"], action: "SCMP_ACT_ERRNO", args }],
  };
}

describe("integers of 64 bits", () => {
  it("are exact: resource limits, limits of the cgroup, arguments of seccomp", async () => {
    const sizes = ["9007199254740992", "9007199254740993"].map(
      (size) => `truncate -s ${size} /dev/shm/f; echo $?`,
    );
    const result = await run(
      `ulimit -c; cat ${CGROUP}/pids.max; ${sizes.join("; ")}`,
      ({ process, linux }) => {
        process["rlimits"] = [{ type: "RLIMIT_CORE", soft: INFINITY, hard: INFINITY }];
        linux["resources"] = { memory: { limit: 2n ** 63n - 1n }, pids: { limit: 4_000_000 } };
        linux["seccomp"] = refuseSize(9_007_199_254_740_993n);
      },
    );
    expect(result).toMatchObject({ code: 0, stdout: "unlimited\n4000000\n0\n1\n" });
    expect(result.stderr).toMatch(/Operation not permitted/);
  });

  it("may be a memory limit of more than the host has", async () => {
    const change: Change = ({ linux }) => {
      linux["resources"] = { memory: { limit: totalmem() * 2 } };
    };
    expect(await run("echo ok", change)).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
  });
});

it.each(["1.1.0", "1.2.0", "1.0.2-dev"])("version %s of the specification is taken", async (ociVersion) => {
  const result = await run("echo ok", (config) => {
    config["ociVersion"] = ociVersion;
  });
  expect(result).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
});

it("members that are null or say that there is no limit are absent", async () => {
  const result = await run(`cat ${CGROUP}/memory.max ${CGROUP}/pids.max`, (config) => {
    const { process, linux } = config;
    Object.assign(process, { capabilities: null, noNewPrivileges: null, rlimits: null, oomScoreAdj: null });
    process["user"] = { uid: 0, gid: 0, additionalGids: null };
    Object.assign(config, {
      hostname: null,
      hooks: null,
      annotations: null,
      root: { path: "rootfs", readonly: null },
    });
    const [first] = config["mounts"] as Record<string, unknown>[];
    Object.assign(first ?? {}, { source: null, options: null });
    Object.assign(linux, {
      cgroupsPath: null,
      seccomp: null,
      maskedPaths: null,
      sysctl: null,
      devices: null,
    });
    linux["resources"] = {
      pids: {},
      memory: { limit: 0, swap: -1, reservation: null },
      cpu: { quota: -1, shares: 0 },
    };
  });
  expect(result).toEqual({ code: 0, stdout: "max\nmax\n", stderr: "" });
});

describe("limits of the caller", () => {
  it("hold where config.json has none, also for exec", async () => {
    const caller = join(runtime.root, ".caller");
    const program = `#!/bin/sh\nulimit -S -n 700\nulimit -H -n 1300\nulimit -c unlimited\nexec ${runtime.program} "$@"\n`;
    writeFileSync(caller, program, { mode: 0o755 });
    const script = "ulimit -S -n; ulimit -H -n; ulimit -c; ulimit -S -s; while :; do sleep 1; done";
    const { dir } = await runtime.bundle({ args: ["sh", "-c", script] });
    rewriteConfig(dir, ({ process }) => {
      process["rlimits"] = [{ type: "RLIMIT_STACK", soft: 1_048_576, hard: 1_048_576 }];
    });
    const own = runtime.program;
    runtime.program = caller;
    const id = runtime.id();
    try {
      await runtime.detached(["run", "-d", "--mode=vm", "-b", dir, id]);
      const limits = await runtime.ok([
        "exec",
        id,
        "sh",
        "-c",
        "ulimit -S -n; ulimit -H -n; ulimit -c; ulimit -S -s",
      ]);
      expect(limits).toBe("700\n1300\nunlimited\n1024\n");
    } finally {
      runtime.program = own;
    }
    // A process file without limits has those of the container's process, as with runc.
    const file = join(dir, "process.json");
    const args = ["sh", "-c", "ulimit -S -s"];
    writeFileSync(file, JSON.stringify({ args, cwd: "/", env: ["PATH=/bin"] }));
    expect(await runtime.ok(["exec", "--process", file, id])).toBe("1024\n");
  });

  it("may be more open files than a kernel allows by default", async () => {
    const files = 2_147_483_584;
    const result = await run("ulimit -n", ({ process }) => {
      process["rlimits"] = [{ type: "RLIMIT_NOFILE", soft: files, hard: files }];
    });
    expect(result).toEqual({ code: 0, stdout: `${files}\n`, stderr: "" });
  });
});

describe("text", () => {
  it("that is half of a surrogate pair becomes U+FFFD", async () => {
    const result = await run("", (config) => {
      config.process["args"] = ["echo", "aHERE"];
      config["x"] = "HERE";
      return formatExact(config).replaceAll("HERE", String.raw`\ud800`);
    });
    expect(result).toEqual({ code: 0, stdout: "a\uFFFD\n", stderr: "" });
  });

  it("nested too deep is refused in a line", async () => {
    const result = await run("", (config) =>
      formatExact({ ...config, x: "HERE" }).replace('"HERE"', nested(5000)),
    );
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toMatch(/^nk-runtime: \S+config\.json: expected at most 512 levels .*\n$/);
  });

  it("of as many levels as are taken is taken in the guest, too", async () => {
    const change: Change = (config) => formatExact({ ...config, x: "HERE" }).replace('"HERE"', nested(511));
    expect(await run("echo ok", change)).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
  });

  it("longer than a message to the guest is refused", async () => {
    const result = await run("", (config) => void (config["x"] = "x".repeat(5 * 1024 * 1024)));
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toMatch(/too long for a VM: expected at most \d+ bytes/);
  });
});

it("a process file is read the same way, and what is wrong with it leaves the container alone", async () => {
  const id = await runtime.background();
  const file = join(runtime.root, ".process.json");
  const exec = (process: Record<string, unknown>, change = (text: string) => text): Promise<Result> => {
    writeFileSync(file, change(formatExact({ cwd: "/", env: ["PATH=/bin"], ...process })));
    return runtime.call(["exec", "--process", file, id]);
  };
  const half = await exec({ args: ["echo", "aHEREb"], user: null }, (text) =>
    text.replace("HERE", String.raw`\udc00`),
  );
  expect(half).toEqual({ code: 0, stdout: "a\uFFFDb\n", stderr: "" });
  const rlimits = [{ type: "RLIMIT_CORE", soft: INFINITY, hard: INFINITY }];
  expect(await exec({ args: ["sh", "-c", "ulimit -c"], rlimits })).toMatchObject({
    code: 0,
    stdout: "unlimited\n",
  });
  const deep = await exec({ args: ["true"], x: "HERE" }, (text) => text.replace('"HERE"', nested(5000)));
  expect(deep).toMatchObject({
    code: 255,
    stderr: expect.stringMatching(/expected at most 512 levels/) as string,
  });
  const nul = await exec({ args: ["a\0b"] });
  expect(nul).toMatchObject({
    code: 255,
    stderr: expect.stringMatching(/process\.args|args\.0: expected no NUL/) as string,
  });
  const long = await exec({ args: ["true"], x: "x".repeat(5 * 1024 * 1024) });
  expect(long).toMatchObject({ code: 255, stderr: expect.stringMatching(/too long for a VM/) as string });
  expect(await runtime.ok(["exec", id, "echo", "alive"])).toBe("alive\n");
});

it("a request that the agent cannot read is answered", async () => {
  const id = await runtime.background();
  const body = `{"type":"health","x":"${String.raw`\ud800`}"}`;
  const call = await runtime.call(["vm-agent", id], { stdin: Buffer.from(`${body}\n{"type":"health"}\n`) });
  const [bad, good] = call.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(bad).toMatchObject({ status: "error", code: "BAD_REQUEST" });
  expect(good).toMatchObject({ status: "success" });
});

it("a bundle that the agent reads itself may have integers of 64 bits", async () => {
  const { dir } = await runtime.bundle({ args: ["true"] });
  rewriteConfig(dir, ({ process }) => {
    process["rlimits"] = [{ type: "RLIMIT_CORE", soft: INFINITY, hard: INFINITY }];
  });
  const vm = runtime.id();
  await runtime.ok(["vm-create", "--bundle", dir, vm]);
  try {
    await runtime.ok(["vm-start", vm]);
    const create = Buffer.from('{"type":"create","id":"test","bundle":"/mnt/bundle"}\n');
    expect(JSON.parse(await runtime.ok(["vm-agent", vm], { stdin: create }))).toMatchObject({
      status: "success",
    });
  } finally {
    await runtime.call(["vm-delete", "--force", vm]);
  }
});
