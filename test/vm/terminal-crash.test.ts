import { spawnSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { make } from "../fixtures/make.ts";
import { AtTerminal, CTRL_BRACKET, RESTORED } from "./at-terminal.ts";
import { AGENT_CRASH, CRASH, PRIVILEGED } from "./guest-ends.ts";
import { Runtime } from "./runtime.ts";
import { findVictim, processesOf, within, type Victim } from "./victims.ts";

const NATIVE = fileURLToPath(new URL("../../native", import.meta.url));
/** How long a hang-up may take to arrive at a process in the guest. */
const HANG_UP_MS = 20_000;
/** Says what reaches it at a terminal that is closed. */
const HEARS = "trap 'echo hang-up >>/tmp/heard; exit 3' HUP; echo up; while :; do sleep 0.1; done";

let runtime: Runtime;
let container: string;
const open: AtTerminal[] = [];

beforeAll(async () => {
  make(NATIVE, "tools");
  runtime = new Runtime();
  container = await runtime.background();
});

afterEach(async () => {
  for (const terminal of open.splice(0)) terminal.close();
  await runtime.call(["exec", container, "rm", "-f", "/tmp/heard"]);
});

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

async function atTerminal(where: Runtime, ...args: string[]): Promise<AtTerminal> {
  const terminal = AtTerminal.run(where.root, args);
  open.push(terminal);
  await terminal.expect("up\r\n");
  return terminal;
}

async function kill(where: Runtime, ...victims: Victim[]): Promise<void> {
  const pids: number[] = [];
  for (const victim of victims) pids.push(await findVictim(where.root, victim));
  for (const pid of pids) process.kill(pid, "SIGKILL");
}

/** A container's own terminal and one of an exec in it, when `end` has ended all of it. */
async function restoresBoth(where: Runtime, end: (id: string) => Promise<unknown>): Promise<void> {
  const { dir } = await where.bundle({ args: ["sh", "-c", HEARS], terminal: true, ...PRIVILEGED });
  const id = where.id();
  const own = await atTerminal(where, "run", "--mode=vm", "--keep", "--bundle", dir, id);
  const exec = await atTerminal(where, "exec", "-t", id, "sh", "-c", HEARS);
  await end(id);
  expect(await exec.end()).toEqual({ code: 137, output: "up\r\n", modes: RESTORED });
  expect(await own.end()).toMatchObject({ code: 137, modes: RESTORED });
  await where.ok(["delete", "--force", id]);
}

/** The process of an exec was told once, and nothing of it is left on either side: nothing that would read the terminal. */
async function isHungUp(): Promise<void> {
  const isExec = ({ argv }: { argv: string[] }): boolean => argv.includes("exec");
  const left = await within(HANG_UP_MS, () => (processesOf(runtime.root).some(isExec) ? undefined : "none"));
  expect(left).toBe("none");
  // The guest tells it when its shadow has gone.
  const heard = async (): Promise<string> =>
    (await runtime.call(["exec", container, "cat", "/tmp/heard"])).stdout;
  await expect.poll(heard).toBe("hang-up\n");
  await expect.poll(() => runtime.ok(["ps", container])).not.toContain("trap");
}

describe("exec -t restores its terminal, and its process is hung up, when SIGKILL ends", () => {
  it.each<[Victim[], number]>([
    [["cli"], 137],
    [["launcher"], 137],
    [["cli", "launcher"], 137],
  ])("%j", async (victims, code) => {
    const terminal = await atTerminal(runtime, "exec", "-t", container, "sh", "-c", HEARS);
    await kill(runtime, ...victims);
    expect(await terminal.end()).toEqual({ code, output: "up\r\n", modes: RESTORED });
    await isHungUp();
  });

  it("its shadow: the process is killed", async () => {
    const terminal = await atTerminal(runtime, "exec", "-t", container, "sh", "-c", HEARS);
    await kill(runtime, "exec shadow");
    expect(await terminal.end()).toEqual({ code: 137, output: "up\r\n", modes: RESTORED });
    await expect.poll(() => runtime.ok(["ps", container])).not.toContain("trap");
  });
});

describe("every terminal is restored when all ends by the death of", () => {
  it.each<Victim>(["monitor", "QEMU"])("%s", async (victim) => {
    await using own = new Runtime();
    await restoresBoth(own, () => kill(own, victim));
  });

  it.each([CRASH, AGENT_CRASH])("the guest, by %s", async (_name, script) => {
    await using own = new Runtime();
    await restoresBoth(own, (id) => own.call(["exec", id, "sh", "-c", script]));
  });
});

describe("every terminal is given back by delete --force", () => {
  it("of a container whose guest hangs", async () => {
    await using own = new Runtime();
    await restoresBoth(own, async (id) => {
      process.kill(await findVictim(own.root, "QEMU"), "SIGSTOP");
      await own.ok(["delete", "--force", id]);
    });
  });
});

describe("a terminal that is closed", () => {
  it("hangs the process of exec -t up, whose status the command has", async () => {
    const terminal = await atTerminal(runtime, "exec", "-t", container, "sh", "-c", HEARS);
    terminal.hangUp();
    expect(await terminal.end()).toEqual({ code: 3, output: "up\r\n", modes: "terminal gone\n" });
    await isHungUp();
  });

  it("hangs a container up", async () => {
    const { dir } = await runtime.bundle({ args: ["sh", "-c", HEARS], terminal: true });
    const id = runtime.id();
    const terminal = await atTerminal(runtime, "run", "--mode=vm", "--keep", "--bundle", dir, id);
    terminal.hangUp();
    expect(await terminal.end()).toMatchObject({ code: 3, modes: "terminal gone\n" });
    expect(await runtime.ok(["state", "--short", id])).toBe("stopped (vm)\n");
    await runtime.ok(["delete", id]);
  });

  it("leaves a process be that ignores it, and does not keep what it writes", async () => {
    const script = "trap '' HUP; echo up; while ! test -e /tmp/heard; do echo more; done; exit 7";
    const terminal = await atTerminal(runtime, "exec", "-t", container, "sh", "-c", script);
    terminal.hangUp();
    await runtime.ok(["exec", container, "touch", "/tmp/heard"]);
    expect(await terminal.end()).toMatchObject({ code: 7, modes: "terminal gone\n" });
  });

  it("hangs a process up that got it by a console socket", async () => {
    const socket = join(runtime.root, ".console.sock");
    const terminal = await AtTerminal.console(socket);
    open.push(terminal);
    await runtime.detached(["exec", "-d", "-t", "--console-socket", socket, container, "sh", "-c", HEARS]);
    await terminal.expect("up\r\n");
    terminal.hangUp();
    expect(await terminal.end()).toMatchObject({ code: 0 });
    await isHungUp();
  });
});

describe("a container whose run is killed at its terminal", () => {
  it("is hung up, and the terminal restored", async () => {
    await using own = new Runtime();
    const { dir } = await own.bundle({ args: ["sh", "-c", HEARS], terminal: true });
    const id = own.id();
    const terminal = await atTerminal(own, "run", "--mode=vm", "--bundle", dir, id);
    await kill(own, "cli");
    expect(await terminal.end()).toMatchObject({ code: 137, modes: RESTORED });
    await expect.poll(() => own.ok(["state", "--short", id])).toBe("stopped (vm)\n");
    expect(JSON.parse(await own.ok(["state", id]))).toMatchObject({ exitStatus: 3 });
    await own.ok(["delete", id]);
  });
});

describe("vm-console --attach", () => {
  it("restores its terminal at Ctrl-], and when a signal ends it that can be caught", async () => {
    await using own = new Runtime();
    const vm = own.id();
    await own.ok(["vm-create", vm]);
    await own.ok(["vm-start", vm]);
    const attach = async (end: (terminal: AtTerminal) => unknown): Promise<unknown> => {
      const terminal = AtTerminal.run(own.root, ["vm-console", "--attach", vm]);
      open.push(terminal);
      await terminal.expect("Ctrl-] leaves");
      await isRaw(await findVictim(own.root, "cli"));
      await end(terminal);
      const { code, modes } = await terminal.end();
      return [code, modes];
    };
    expect(await attach((terminal) => terminal.type(CTRL_BRACKET))).toEqual([0, RESTORED]);
    for (const [signal, code] of [
      ["SIGHUP", 129],
      ["SIGQUIT", 131],
      ["SIGTERM", 143],
    ] as const)
      expect(await attach(async () => process.kill(await findVictim(own.root, "cli"), signal))).toEqual([
        code,
        RESTORED,
      ]);
    await own.ok(["vm-delete", "--force", vm]);
  });
});

/** Waits until the terminal of a process is: of this there is no event. */
async function isRaw(pid: number): Promise<void> {
  const tty = readlinkSync(`/proc/${pid}/fd/0`);
  const raw = (): true | undefined =>
    spawnSync("stty", ["-F", tty, "-a"], { encoding: "utf8" }).stdout.includes("-icanon") || undefined;
  expect(await within(HANG_UP_MS, raw)).toBe(true);
}

describe("a shell at the terminal that runs exec -t", () => {
  it("has its terminal and its input for itself when the command was killed", async () => {
    const command = `${runtime.program} --root ${runtime.root} exec -t ${container} sh -c '${HEARS.replaceAll("'", `'"'"'`)}'`;
    const terminal = AtTerminal.program(runtime.root, ["busybox", "sh", "-i"]);
    open.push(terminal);
    terminal.type(`${command}\r`);
    await terminal.expect("\nup\r\n");
    await kill(runtime, "cli");
    await terminal.expect("Killed");
    await isHungUp();
    terminal.type('stty -a | grep -c " icanon iexten echo "; echo "<$((1 + 1))>"\r');
    await terminal.expect("1\r\n<2>\r\n");
  });
});
