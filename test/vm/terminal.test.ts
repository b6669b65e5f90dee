import { make } from "../fixtures/make.ts";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { AtTerminal, CTRL_C, CTRL_D, CTRL_Z, RESTORED } from "./at-terminal.ts";
import { distroKernel, Runtime } from "./runtime.ts";

const NATIVE = fileURLToPath(new URL("../../native", import.meta.url));

let runtime: Runtime;
let container: string;
const open: AtTerminal[] = [];

beforeAll(async () => {
  make(NATIVE, "tools");
  runtime = new Runtime();
  container = await runtime.background();
});

afterEach(() => {
  for (const terminal of open.splice(0)) terminal.close();
});

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

function run(...args: string[]): AtTerminal {
  const terminal = AtTerminal.run(runtime.root, args);
  open.push(terminal);
  return terminal;
}

function exec(...command: string[]): AtTerminal {
  return run("exec", "-t", container, ...command);
}

/** A console socket, and the terminal that arrives there. */
async function console(): Promise<{ socket: string; terminal: AtTerminal }> {
  const socket = join(runtime.root, `.${runtime.id()}.sock`);
  const terminal = await AtTerminal.console(socket);
  open.push(terminal);
  return { socket, terminal };
}

describe("exec -t", () => {
  it("gives the command a terminal of the caller's size from its first moment on", async () => {
    const terminal = exec("sh", "-c", "stty size; test -t 0 && test -t 1 && test -t 2 && tty");
    const { code, output, modes } = await terminal.end();
    expect({ code, output, modes }).toEqual({ code: 0, output: "24 80\r\n/dev/pts/0\r\n", modes: RESTORED });
  });

  it("passes a new size on, with SIGWINCH to the program in the foreground", async () => {
    const terminal = exec("sh", "-c", "trap 'stty size; exit 9' WINCH; echo up; while :; do sleep 0.1; done");
    await terminal.expect("up\r\n");
    terminal.resize();
    await terminal.expect("50 120\r\n");
    expect(await terminal.end()).toMatchObject({ code: 9, modes: RESTORED });
  });

  it("has the size of a terminal that changes while the command is being started", async () => {
    const script = "while test \"$(stty size)\" != '50 120'; do sleep 0.1; done";
    const terminal = await AtTerminal.runResized(runtime.root, ["exec", "-t", container, "sh", "-c", script]);
    open.push(terminal);
    expect(await terminal.end()).toMatchObject({ code: 0, modes: RESTORED });
  });

  it("interrupts the command with Ctrl-C, whose status is then 128 + SIGINT", async () => {
    const terminal = exec("sh", "-c", "echo up; exec sleep 1000");
    await terminal.expect("up\r\n");
    terminal.type(CTRL_C);
    expect(await terminal.end()).toMatchObject({ code: 130, modes: RESTORED });
  });

  it("gives a shell that survives Ctrl-C and controls jobs", async () => {
    const terminal = exec("sh");
    await terminal.expect("# ");
    terminal.type('sleep 1000; echo "<int $?>"\r');
    await terminal.expect("\r\n");
    await foreground("sleep 1000");
    terminal.type(CTRL_C);
    await terminal.expect("# ");
    terminal.type("sleep 1001\r");
    await foreground("sleep 1001");
    terminal.type(CTRL_Z);
    await terminal.expect("Stopped");
    terminal.type('bg; jobs; echo "<$((1 + 1))>"\r');
    expect(await terminal.upTo("<2>")).toContain("Running");
    terminal.type("fg\r");
    await terminal.expect("sleep 1001\r\n");
    // The shell says so before it gives it the terminal.
    await foreground("sleep 1001");
    terminal.type(CTRL_C);
    await terminal.expect("# ");
    terminal.type('set -m; sleep 100 & jobs; echo "<$((1 + 2))>"\r');
    expect(await terminal.upTo("<3>")).toMatch(/Running +sleep 100/);
    await terminal.expect("# ");
    terminal.type("(exit 6)\r");
    await terminal.expect("# ");
    terminal.type(CTRL_D);
    expect(await terminal.end()).toMatchObject({ code: 6, modes: RESTORED });
  });

  it("ends with its command, though something in the background keeps the terminal open", async () => {
    const terminal = exec("sh", "-c", "trap '' HUP; sleep 30 & echo out; exit 8");
    expect(await terminal.end()).toEqual({ code: 8, output: "out\r\n", modes: RESTORED });
  });

  it("ends with the shell's status", async () => {
    const terminal = exec("sh");
    await terminal.expect("# ");
    terminal.type("exit 42\r");
    expect(await terminal.end()).toMatchObject({ code: 42, modes: RESTORED });
  });

  it("carries more than the terminal's buffers hold, both ways", async () => {
    const terminal = exec("sh", "-c", "stty raw -echo; echo up; head -c 200000 | wc -c; seq 1 50000");
    await terminal.expect("up\n");
    terminal.type("x".repeat(200_000));
    await terminal.expect("200000\n");
    const { code, output } = await terminal.end();
    expect(code).toBe(0);
    expect(output.endsWith("\n49999\n50000\n")).toBe(true);
  });

  it("restores the terminal when the command could not be started", async () => {
    const { code, output, modes } = await exec("no-such-program").end();
    expect({ code, modes }).toEqual({ code: 255, modes: RESTORED });
    expect(output).toContain("executable file not found in $PATH");
  });
});

/** Waits until the command runs in the container: what is typed before that is the shell's. */
async function foreground(command: string): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await runtime.ok(["ps", container])).includes(command)) {
    if (Date.now() > end) throw new Error(`${command} did not start within 20 s`);
  }
}

describe("exec without a command", () => {
  it("is an interactive shell at a terminal", async () => {
    const terminal = run("exec", container);
    await terminal.expect("# ");
    terminal.type('test -t 0 && echo "<$(stty size)>"; exit 3\r');
    await terminal.expect("<24 80>");
    expect(await terminal.end()).toMatchObject({ code: 3, modes: RESTORED });
  });

  it("is a shell that reads its commands elsewhere", async () => {
    const result = await runtime.call(["exec", container], {
      stdin: Buffer.from("test -t 0 || echo script\n"),
    });
    expect(result).toEqual({ code: 0, stdout: "script\n", stderr: "" });
  });
});

describe("run with process.terminal", () => {
  it("is a terminal of the caller's size, with job control, and ends with the shell's status", async () => {
    const { dir } = await runtime.bundle({ args: ["sh", "-c", "stty size; exec sh"], terminal: true });
    const terminal = run("run", "--mode=vm", "--bundle", dir, runtime.id());
    await terminal.expect("24 80\r\n");
    await terminal.expect("# ");
    terminal.resize();
    // The size goes its own way, beside what is typed.
    terminal.type(
      "while test \"$(stty size)\" != '50 120'; do sleep 0.1; done; tty; echo here > /dev/console\r",
    );
    await terminal.expect("/dev/");
    await terminal.expect("here\r\n");
    // In the job itself: a Ctrl-C between two jobs of the shell can be lost.
    terminal.type("sh -c 'echo \"<$((1 + 1))>\"; exec sleep 1000'\r");
    await terminal.expect("<2>\r\n");
    terminal.type(CTRL_C);
    await terminal.expect("# ");
    terminal.type("(exit 5)\r");
    await terminal.expect("# ");
    terminal.type(CTRL_D);
    expect(await terminal.end()).toMatchObject({ code: 5, modes: RESTORED });
  });

  it("restores the terminal of a container that is killed", async () => {
    const { dir } = await runtime.bundle({ args: ["sh", "-c", "echo up; sleep 1000"], terminal: true });
    const id = runtime.id();
    const terminal = run("run", "--mode=vm", "--bundle", dir, id);
    await terminal.expect("up\r\n");
    await runtime.ok(["kill", id, "KILL"]);
    expect(await terminal.end()).toMatchObject({ code: 137, modes: RESTORED });
  });
});

describe("--console-socket", () => {
  it("gets the terminal of a container that was created", async () => {
    const { dir } = await runtime.bundle({ args: ["sh", "-c", "stty size; tty; exec sh"], terminal: true });
    const { socket, terminal } = await console();
    const id = runtime.id();
    await runtime.detached(["create", "--mode=vm", "--bundle", dir, "--console-socket", socket, id]);
    await runtime.ok(["start", id]);
    await terminal.expect("24 80\r\n");
    await terminal.expect("# ");
    terminal.resize();
    terminal.type('while test "$(stty size)" != \'50 120\'; do sleep 0.1; done; echo "<$((1 + 1))>"\r');
    await terminal.expect("<2>\r\n");
    await terminal.expect("# ");
    terminal.type(CTRL_D);
    expect(await terminal.end()).toMatchObject({ code: 0 });
    await runtime.ok(["delete", "--force", id]);
  });

  it("gets the terminal of a session in the background", async () => {
    const { socket, terminal } = await console();
    await runtime.detached(["exec", "-d", "-t", "--console-socket", socket, container, "sh"]);
    await terminal.expect("# ");
    terminal.type('while test "$(stty size)" != \'24 80\'; do sleep 0.1; done; echo "<$((1 + 1))>"\r');
    await terminal.expect("<2>\r\n");
    terminal.type("exit\r");
    expect(await terminal.end()).toMatchObject({ code: 0 });
  });

  it.each([
    [true, [], "cannot allocate tty if nk-runtime will detach without setting console socket"],
    [
      false,
      ["--console-socket", "/no/such"],
      "cannot use console socket if nk-runtime will not detach or allocate tty",
    ],
  ])("refuses what runc refuses in run -d (terminal: %j, %j)", async (terminal, flags, message) => {
    const { dir } = await runtime.bundle({ args: ["sh"], terminal });
    const id = runtime.id();
    const { code, stderr } = await runtime.call(["run", "-d", "--mode=vm", ...flags, "--bundle", dir, id]);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(await runtime.ok(["list", "-q"])).not.toContain(id);
  });

  it("refuses exec -d -t without it", async () => {
    const { code, stderr } = await runtime.call(["exec", "-d", "-t", container, "sh"]);
    expect(code).toBe(255);
    expect(stderr).toContain("cannot allocate tty if nk-runtime will detach without setting console socket");
  });
});

describe("a boot that is slow, on a distribution's kernel in software", () => {
  it("is told to a person at a terminal, and what the kernel says of PCI is explained; a program hears of neither", async ({
    skip,
  }) => {
    const kernel = distroKernel() ?? skip("only our own kernel is there");
    const vm = runtime.id();
    await runtime.ok(["vm-create", "--vm-accel=tcg", kernel, vm]);
    expect(await runtime.call(["vm-start", vm])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await runtime.call(["vm-console", vm])).toMatchObject({ code: 0, stderr: "" });
    const shown = run("vm-console", vm);
    await shown.expect("is no failure: the machine has no PCI bus");
    expect(await shown.end()).toMatchObject({ code: 0 });

    await runtime.ok(["vm-stop", vm]);
    await run("vm-start", vm).expect("booting the virtual machine …");
    await runtime.ok(["vm-delete", "--force", vm]);
  });
});
