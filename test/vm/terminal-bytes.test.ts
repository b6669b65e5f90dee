import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { make } from "../fixtures/make.ts";
import { AtTerminal, CTRL_BACKSLASH, CTRL_C, CTRL_D, CTRL_Z, RESTORED } from "./at-terminal.ts";
import { PRIVILEGED } from "./guest-ends.ts";
import { Runtime } from "./runtime.ts";
import { findVictim } from "./victims.ts";

const NATIVE = fileURLToPath(new URL("../../native", import.meta.url));
const MIB = 1024 * 1024;
/** Every value that a byte can have. */
const BYTES = Buffer.from(Array.from({ length: 256 }, (_, value) => value));

let runtime: Runtime;
let container: string;
const open: AtTerminal[] = [];

beforeAll(async () => {
  make(NATIVE, "tools");
  runtime = new Runtime();
  container = await runtime.background({ ...PRIVILEGED, process: { env: ["PATH=/bin"] } });
});

afterEach(() => {
  for (const terminal of open.splice(0)) terminal.close();
});

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

function exec(...command: string[]): AtTerminal {
  const terminal = AtTerminal.run(runtime.root, ["exec", "-t", container, ...command]);
  open.push(terminal);
  return terminal;
}

/** A script that has said that it is there. */
async function script(text: string): Promise<AtTerminal> {
  const terminal = exec("sh", "-c", text);
  await terminal.expect("up");
  return terminal;
}

function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

describe("what is pasted", () => {
  /** A MiB of lines. */
  const text = Array.from({ length: MIB / 64 }, (_, n) => `${n} `.padEnd(63, "pasted ")).join("\n") + "\n";

  it.each([
    ["a reader of lines", "stty -echo; echo up; sha256sum"],
    ["one that is not there yet", "stty -echo; echo up; sleep 2; sha256sum"],
    ["a terminal that echoes", "echo up; sha256sum"],
    ["cat", "stty -echo; echo up; cat >/tmp/pasted; sha256sum </tmp/pasted"],
  ])("reaches %s whole, a MiB of it", async (_name, command) => {
    const terminal = await script(command);
    terminal.type(text);
    terminal.type(CTRL_D);
    await terminal.expect(sha256(text));
    expect(await terminal.end()).toMatchObject({ code: 0, modes: RESTORED });
  });

  it("and echoed waits for a terminal that is slow, and is whole", async () => {
    const terminal = await script("echo up; sha256sum");
    terminal.look(false);
    terminal.type(text);
    terminal.type(CTRL_D);
    await runtime.ok(["exec", container, "sleep", "2"]);
    terminal.look(true);
    await terminal.expect(sha256(text));
    expect(await terminal.end()).toMatchObject({ code: 0, modes: RESTORED });
  });

  it("by a pipe is typed in, and its end as well", async () => {
    const pipe = 'printf "one\\ntwo\\n" | "$0" "$@"';
    const command = [runtime.program, "--root", runtime.root, "exec", "-t", container, "cat"];
    const terminal = AtTerminal.program(runtime.root, ["sh", "-c", pipe, ...command]);
    open.push(terminal);
    const { code, output, modes } = await terminal.end();
    expect({ code, modes }).toEqual({ code: 0, modes: RESTORED });
    expect(output).toContain("two\r\n");
  });

  it("is what a program in raw mode reads, byte for byte, the marks of a pasting terminal included", async () => {
    const pasted = Buffer.concat([Buffer.from("\u001b[200~"), BYTES, Buffer.from("\r\n\u001b[201~")]);
    const terminal = await script(`stty raw -echo; echo up; head -c ${pasted.length} | od -An -v -tx1`);
    terminal.type(pasted);
    const { output } = await terminal.end();
    expect(output.replace(/^up/, "").replaceAll(/\s/g, "")).toBe(pasted.toString("hex"));
  });

  it("loses of a line what a terminal cannot hold, as on a host", async () => {
    const terminal = await script("stty -echo; echo up; head -n 1 | wc -c");
    terminal.type(`${"x".repeat(5000)}\n`);
    await terminal.expect("4096\r\n");
    expect(await terminal.end()).toMatchObject({ code: 0 });
  });
});

describe("what is written", () => {
  const printAll = `printf '${[...BYTES].map((value) => `\\${value.toString(8).padStart(3, "0")}`).join("")}'`;

  it("to a raw terminal arrives byte for byte", async () => {
    const terminal = await script(`stty raw; printf up; ${printAll}`);
    await terminal.end();
    expect(terminal.bytes()).toEqual(Buffer.concat([Buffer.from("up"), BYTES]));
  });

  it("without a terminal does, too", async () => {
    const child = runtime.spawn(["exec", container, "sh", "-c", printAll]);
    const chunks: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stdin?.end();
    await new Promise((resolve) => child.on("close", resolve));
    expect(Buffer.concat(chunks)).toEqual(BYTES);
  });

  it.each([0, 1, 100, 4095, 4096, 4097, 65_536, 100_000, 300_000])(
    "right before the end is not lost: %i bytes",
    async (count) => {
      const terminal = exec("sh", "-c", `head -c ${count} /dev/zero | tr '\\0' x; printf END; exit 5`);
      const { code, output } = await terminal.end();
      expect({ code, length: output.length, end: output.slice(-3) }).toEqual({
        code: 5,
        length: count + 3,
        end: "END",
      });
    },
  );

  it("right before the end waits for a reader that is slow", async () => {
    const terminal = exec("sh", "-c", "head -c 400000 /dev/zero | tr '\\0' x; printf END; exit 5");
    terminal.look(false);
    await runtime.ok(["exec", container, "sleep", "2"]);
    terminal.look(true);
    const { code, output } = await terminal.end();
    expect({ code, length: output.length }).toEqual({ code: 5, length: 400_003 });
  });

  it("by a container's own process right before its end is not lost", async () => {
    const { dir } = await runtime.bundle({ args: ["seq", "1", "20000"], terminal: true });
    const terminal = AtTerminal.run(runtime.root, ["run", "--mode=vm", "--bundle", dir, runtime.id()]);
    open.push(terminal);
    const { code, output, modes } = await terminal.end();
    expect({ code, modes }).toEqual({ code: 0, modes: RESTORED });
    // A boot that is slow is told before.
    const lines = Array.from({ length: 20_000 }, (_, n) => `${n + 1}\r\n`).join("");
    expect(output.slice(-lines.length)).toBe(lines);
  });
});

/** Resident memory on the host, or with `inside` in the guest, in KiB. */
function residentKib(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

async function memory(): Promise<{ monitorKib: number; shadowKib: number; agentKib: number }> {
  const monitor = await findVictim(runtime.root, "monitor");
  const shadow = await findVictim(runtime.root, "exec shadow");
  return {
    monitorKib: residentKib(readFileSync(`/proc/${monitor}/status`, "utf8")),
    shadowKib: residentKib(readFileSync(`/proc/${shadow}/status`, "utf8")),
    agentKib: residentKib(await runtime.ok(["exec", container, "cat", "/proc/1/status"])),
  };
}

describe("a command that writes what nobody reads", () => {
  /** In a second `yes` writes more, where nobody holds it up. */
  const GROWTH_MAX_KIB = 6 * 1024;

  async function costsNothing(): Promise<void> {
    await runtime.ok(["exec", container, "sleep", "1"]);
    const before = await memory();
    await runtime.ok(["exec", container, "sleep", "4"]);
    const after = await memory();
    const whose = ["monitorKib", "shadowKib", "agentKib"] as const;
    expect(whose.filter((who) => after[who] - before[who] > GROWTH_MAX_KIB)).toEqual([]);
  }

  it("is held up, and costs nobody memory; Ctrl-C reaches it", async () => {
    const terminal = await script("echo up; exec yes");
    terminal.look(false);
    await costsNothing();
    terminal.type(CTRL_C);
    terminal.look(true);
    expect(await terminal.end()).toMatchObject({ code: 130, modes: RESTORED });
  });

  it("is held up without a terminal, too", async () => {
    const child = runtime.spawn(["exec", container, "yes"]);
    await new Promise((resolve) => child.stdout?.once("readable", resolve));
    await costsNothing();
    child.kill("SIGTERM");
    child.stdout?.resume();
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(143);
  });

  it("leaves a shell its prompt", async () => {
    const terminal = exec("sh");
    await terminal.expect("# ");
    terminal.type("yes\r");
    await terminal.expect("y\r\ny\r\n");
    terminal.type(CTRL_C);
    await terminal.expect("# ");
    terminal.type("exit 9\r");
    expect(await terminal.end()).toMatchObject({ code: 9, modes: RESTORED });
  });
});

describe("keys", () => {
  it("Ctrl-\\ quits, Ctrl-Z leaves be what no shell would take on again", async () => {
    const terminal = await script("echo up; exec cat");
    terminal.type(`${CTRL_Z}still here\r`);
    await terminal.expect("still here\r\nstill here\r\n");
    terminal.type(CTRL_BACKSLASH);
    expect(await terminal.end()).toMatchObject({ code: 131, modes: RESTORED });
  });

  it("Ctrl-D hands over what was typed, and ends the input at the begin of a line", async () => {
    const terminal = await script("stty -echo; echo up; cat; exit 4");
    terminal.type(`half${CTRL_D}`);
    await terminal.expect("half");
    terminal.type(`\r${CTRL_D}`);
    expect(await terminal.end()).toMatchObject({ code: 4, modes: RESTORED });
  });
});

describe("signals to the command", () => {
  it("reach its process, each once, also those to the whole job", async () => {
    const terminal = await script(
      "trap 'echo got' USR1; trap 'exit 6' INT; echo up; while :; do sleep 0.1; done",
    );
    const command = await findVictim(runtime.root, "cli");
    process.kill(-command, "SIGUSR1");
    await terminal.expect("got\r\n");
    process.kill(command, "SIGINT");
    expect(await terminal.end()).toEqual({ code: 6, output: "up\r\ngot\r\n", modes: RESTORED });
  });
});

describe("the environment", () => {
  it("has the TERM of the container or of -e, and none of the caller's, as with runc", async () => {
    expect((await exec("env").end()).output).not.toContain("TERM=");
    const given = AtTerminal.run(runtime.root, ["exec", "-t", "-e", "TERM=vt100", container, "env"]);
    open.push(given);
    expect((await given.end()).output).toContain("TERM=vt100\r\n");
  });
});

describe("a storm of sizes", () => {
  it("ends with the last one, and disturbs nothing that is typed meanwhile", async () => {
    const terminal = await script(
      'stty -echo; trap : WINCH; echo up; while test "$(stty size)" != \'50 120\'; do sleep 0.1; done; read line; echo "<$line>"',
    );
    const tty = readlinkSync(`/proc/${await findVictim(runtime.root, "launcher")}/fd/0`);
    const storm = `for i in $(seq 20 219); do stty -F ${tty} rows $i cols $((i + 1)); done`;
    expect(spawnSync("sh", ["-c", storm]).status).toBe(0);
    terminal.type("typed\n");
    terminal.resize();
    await terminal.expect("<typed>");
    expect(await terminal.end()).toMatchObject({ code: 0, modes: RESTORED });
  });
});

describe("a terminal by a console socket", () => {
  it("is that of a container in the background, of the receiver's size from its first moment on", async () => {
    const socket = join(runtime.root, ".console.sock");
    const terminal = await AtTerminal.console(socket);
    open.push(terminal);
    const { dir } = await runtime.bundle({ args: ["sh", "-c", "stty size; exec sh"], terminal: true });
    const id = runtime.id();
    await runtime.detached(["run", "-d", "-t", "--mode=vm", "--console-socket", socket, "--bundle", dir, id]);
    await terminal.expect("24 80\r\n");
    terminal.type('echo "<$((1 + 1))>"; exit 3\r');
    await terminal.expect("<2>");
    expect(await terminal.end()).toMatchObject({ code: 0 });
    await expect.poll(() => runtime.ok(["state", "--short", id])).toBe("stopped (vm)\n");
    expect(JSON.parse(await runtime.ok(["state", id]))).toMatchObject({ exitStatus: 3 });
    await runtime.ok(["delete", id]);
  });

  it("is that of a session in the background, from its first moment on", async () => {
    const sizes: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const socket = join(runtime.root, `.console-${n}.sock`);
      const terminal = await AtTerminal.console(socket);
      open.push(terminal);
      await runtime.detached(["exec", "-d", "-t", "--console-socket", socket, container, "stty", "size"]);
      sizes.push((await terminal.end()).output);
    }
    expect(sizes).toEqual(Array.from({ length: 5 }, () => "24 80\r\n"));
  });
});
