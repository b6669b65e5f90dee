import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectOneLine, expectRefused } from "../fixtures/refused.ts";
import { residue } from "./residue.ts";
import { Runtime } from "./runtime.ts";

/** What is asked of a container that runs in a VM, and cannot be. */
let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime();
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

describe("a container in a VM", () => {
  it("refuses programs that cannot be started, in runc's words", async () => {
    const id = await runtime.background();
    for (const [program, words] of [
      ["nope", 'exec: "nope": executable file not found in $PATH'],
      ["/nope", 'exec: "/nope": stat /nope: no such file or directory'],
      ["/etc/passwd", 'exec: "/etc/passwd": permission denied'],
      ["/bin", 'exec: "/bin": permission denied'],
    ] as const) {
      const { code, stderr } = await runtime.call(["exec", id, program]);
      expect({ code, stderr }).toEqual({
        code: 255,
        stderr: `nk-runtime: unable to start container process: ${words}\n`,
      });
    }
    for (const [args, message] of [
      [["--cwd=/bin/busybox", id, "true"], /the runtime in the VM refused: .*chdir|not a directory/i],
      [["--user=moon", id, "true"], /--user: expected UID or UID:GID in numbers, found "moon"/],
      [["--process=/no/such", id], /--process: cannot read \/no\/such: no such file or directory/],
      [
        ["--cgroup=below", id, "true"],
        /--cgroup below: a command in a VM runs in the container's own cgroup/,
      ],
      [["--preserve-fds=3", id, "true"], /unable to stat preserved-fd 0 \(of 3\)/],
      [["-d", "--pid-file=/no/such/pid", id, "true"], /--pid-file \/no\/such\/pid/],
    ] as [string[], RegExp][]) {
      await expectRefused(runtime, ["exec", ...args], message, { code: 255 });
    }
    await expectRefused(runtime, ["start", id], /cannot start an already running container/);
    await expectRefused(runtime, ["resume", id], /container not paused/);
    await expectRefused(runtime, ["ps", id, "-ef"], /ps takes no options of ps .*nk-runtime exec/);
    await runtime.ok(["pause", id]);
    await expectRefused(runtime, ["pause", id], /it is paused already/);
    await expectRefused(
      runtime,
      ["exec", "--ignore-paused", id, "true"],
      /paused container in a VM.*nk-runtime resume/,
      {
        code: 255,
      },
    );
    await runtime.ok(["resume", id]);

    writeFileSync(join(runtime.root, id, "state.json"), '{"version":1}');
    await expectRefused(runtime, ["state", id], /is damaged: .*nk-runtime delete --force/);
    await runtime.ok(["delete", "--force", id]);
    expect(residue(runtime.traces())).toEqual([]);
  });

  it.each([
    ["QEMU", "vmmPid", /the VM ended: QEMU was killed by SIGKILL, and nobody had asked it to end/],
    ["the monitor", "monitorPid", /the container's monitor \(process \d+\) was killed/],
  ] as const)("whose run lost %s says so", async (_, pid, message) => {
    const { dir: sleeper } = await runtime.bundle({ args: ["sh", "-c", "echo up; sleep 1000"] });
    const id = runtime.id();
    const { code, stderr } = await runtime.call(["run", "--mode=vm", "-b", sleeper, id], {
      during: (child) =>
        child.stdout?.once("data", () => {
          const text = readFileSync(join(runtime.root, id, "state.json"), "utf8");
          process.kill((JSON.parse(text) as { vm: Record<string, number> }).vm[pid] ?? 0, "SIGKILL");
        }),
    });
    expect(code).toBe(137);
    expect(stderr).toMatch(message);
    expectOneLine(stderr);
    expect(residue(runtime.traces())).toEqual([]);
  });
});

describe("a program that fails when it is executed", () => {
  const files = { "bin/bad": "#!/nonexistent\n", "bin/junk": "junk" };
  // Words of crun, or of runc; never its log's JSON.
  it.each([
    ["crun", /^exec container process .*`\/bin\/bad`: No such file or directory\n$/],
    ["runc", /^exec \/bin\/bad: no such file or directory\n$/],
  ])("is told in plain text by %s, whose words are the container's own", async (vmRuntime, words) => {
    const { dir } = await runtime.bundle({ args: ["/bin/bad"], files });
    const run = ["run", "--mode=vm", `--vm-runtime=${vmRuntime}`, "-b", dir, runtime.id()];
    const { code, stderr } = await runtime.call(run);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(words) as unknown });
  });

  it("is told so by exec", async () => {
    const id = await runtime.background({ files });
    for (const program of ["/bin/bad", "/bin/junk"]) {
      const { code, stderr } = await runtime.call(["exec", id, program]);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(
          /^exec[^{]*: (No such file or directory|Exec format error)\n$/,
        ) as unknown,
      });
    }
  });
});
