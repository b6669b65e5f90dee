import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { fileURLToPath } from "node:url";
import { Deadline } from "../../src/base/deadline.ts";
import { MARK } from "./residue.ts";

const NK_RUNTIME = fileURLToPath(new URL("../../bin/nk-runtime", import.meta.url));
/** native/test/pty.c: make -C native tools. */
const PTY = fileURLToPath(new URL("../../build/native-test/pty", import.meta.url));

/** A boot on a machine that is busy otherwise. */
const WAIT_MS = 60_000;

/** Characters of the output that an error shows. */
const SEEN_MAX = 1000;

export const CTRL_C = "\u0003";
export const CTRL_D = "\u0004";
export const CTRL_Z = "\u001a";
export const CTRL_BACKSLASH = "\u001c";
export const CTRL_BRACKET = "\u001d";

/** What the terminal says of its modes when its program has ended. */
export const RESTORED = "terminal restored\n";

/** A pseudo terminal of 24 x 80, and what sits at its other side. */
export class AtTerminal {
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;
  private readonly chunks: Buffer[] = [];
  private readonly decoder = new StringDecoder();
  private output = "";
  private errors = "";
  private read = 0;
  private changed = (): void => {};

  /** @param root whose processes are started */
  private constructor(args: string[], root?: string) {
    // The tool takes 3 and 4 for its program's and closes them.
    const nothing = openSync("/dev/null", "r+");
    const env = { ...process.env, ...(root !== undefined && { [MARK]: root }) };
    this.child = spawn(PTY, args, { stdio: ["pipe", "pipe", "pipe", nothing, nothing], env });
    closeSync(nothing);
    this.ended = once(this.child, "close").then(([code]) => code as number | null);
    this.child.stdin?.on("error", () => {});
    this.child.stdout?.on("data", (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.take(this.decoder.write(chunk), "");
    });
    this.child.stderr?.on("data", (chunk: Buffer) => this.take("", chunk.toString()));
  }

  /** `nk-runtime --root ROOT ARGS` at the terminal. */
  static run(root: string, args: string[]): AtTerminal {
    return new AtTerminal(["run", NK_RUNTIME, "--root", root, ...args], root);
  }

  /** A program at the terminal that may run the runtime there. */
  static program(root: string, command: string[]): AtTerminal {
    return new AtTerminal(["run", ...command], root);
  }

  /** The same, resized while it starts: the shell's word says that there is a terminal to resize. */
  static async runResized(root: string, args: string[]): Promise<AtTerminal> {
    const script = 'echo ready; exec "$0" "$@"';
    const terminal = AtTerminal.program(root, ["sh", "-c", script, NK_RUNTIME, "--root", root, ...args]);
    await terminal.expect("ready\r\n");
    terminal.resize();
    return terminal;
  }

  /** The receiver of a console socket; resolves when it listens. */
  static async console(socket: string): Promise<AtTerminal> {
    const terminal = new AtTerminal(["console", socket]);
    await terminal.until(() => terminal.errors.includes("listening\n"), "the console socket");
    return terminal;
  }

  type(text: string | Buffer): void {
    this.child.stdin?.write(text);
  }

  /** All output so far, byte for byte. */
  bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** Lets what is printed wait, or takes it again. */
  look(on: boolean): void {
    if (on) this.child.stdout?.resume();
    else this.child.stdout?.pause();
  }

  /** Closes the terminal, as its window. */
  hangUp(): void {
    this.child.kill("SIGUSR2");
  }

  /** Makes the terminal 50 x 120. */
  resize(): void {
    this.child.kill("SIGUSR1");
  }

  /** Waits until the text is printed after what was expected before. An echo counts: expect what a command makes of its words. */
  async expect(text: string): Promise<void> {
    await this.until(() => this.output.includes(text, this.read), `"${text}"`);
    this.read = this.output.indexOf(text, this.read) + text.length;
  }

  /** What was printed since the last expected text, up to this one. */
  async upTo(text: string): Promise<string> {
    const from = this.read;
    await this.expect(text);
    return this.output.slice(from, this.read - text.length);
  }

  /** The exit status, all output, and what the terminal says of its modes. */
  async end(): Promise<{ code: number | null; output: string; modes: string }> {
    const code = await Deadline.after(WAIT_MS).race(this.ended, "the end at the terminal");
    return { code, output: this.output, modes: this.errors };
  }

  close(): void {
    this.child.kill("SIGKILL");
  }

  private take(output: string, errors: string): void {
    this.output += output;
    this.errors += errors;
    this.changed();
  }

  private async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = Deadline.after(WAIT_MS);
    const over = this.ended.then(() => {
      if (!condition()) throw new Error(`the program ended before ${what}: ${this.seen()}`);
    });
    // It may end after this wait, which is nobody's business here.
    over.catch(() => {});
    while (!condition()) {
      const change = new Promise<void>((resolve) => {
        this.changed = resolve;
      });
      try {
        await deadline.race(Promise.race([change, over]), what);
      } catch (cause) {
        throw new Error(`expected ${what} at the terminal, found ${this.seen()}`, { cause });
      }
    }
  }

  private seen(): string {
    return JSON.stringify({ output: this.output.slice(this.read).slice(-SEEN_MAX), errors: this.errors });
  }
}
