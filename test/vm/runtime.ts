import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ContainerRecord } from "../../src/state/record.ts";
import { makeBundle, type BundleOptions, type TestBundle } from "../fixtures/make-bundle.ts";
import { MARK, residue, type Traces } from "./residue.ts";

const WITHOUT_NETWORK = fileURLToPath(new URL("../fixtures/without-network", import.meta.url));

const NK_RUNTIME = fileURLToPath(new URL("../../bin/nk-runtime", import.meta.url));

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CallOptions {
  stdin?: Buffer;
  /** Added to our own environment. */
  env?: NodeJS.ProcessEnv;
  /** Called with the running child, to signal it or to talk to it. */
  during?: (child: ChildProcess) => void;
}

let instances = 0;

/** The runtime as a user calls it, with a state folder of its own and a VM for every container. */
export class Runtime implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), "nk-root-"));
  /** The command; another installation's where a test has one. */
  program = NK_RUNTIME;
  /** What comes before it: it is run by another program, in another network namespace, say. */
  launcher: string[] = [];
  /** Of the host's administrator: a folder of settings. Most tests are about something else than the network, which the VMs would have in the test's own namespace. */
  settings: string | undefined = WITHOUT_NETWORK;
  private readonly bundles: TestBundle[] = [];
  private readonly idPrefix = `t${process.pid}-${(instances += 1)}-`;
  /** Of every `run`, and for a test's own `create` and `vm-create`. */
  readonly flags: readonly string[];
  private count = 0;

  /** @param flags of every `run` */
  constructor(...flags: string[]) {
    this.flags = flags;
  }

  /** Runs `nk-runtime ARGS` to its end. */
  async call(args: string[], options: CallOptions = {}): Promise<Result> {
    const child = this.spawn(args, options.env);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
    // A reader that ends early closes the pipe under what we still write.
    child.stdin?.on("error", () => {});
    if (options.stdin !== undefined) child.stdin?.write(options.stdin);
    child.stdin?.end();
    options.during?.(child);
    const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
    return {
      code,
      stdout: Buffer.concat(stdout).toString("utf8"),
      stderr: Buffer.concat(stderr).toString("utf8"),
    };
  }

  /** @param env added to our own environment */
  spawn(args: string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const [program = "", ...words] = [...this.launcher, this.program, "--root", this.root, ...args];
    return spawn(program, words, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...this.env(), ...env },
    });
  }

  /** Like `call`, and throws what the runtime said if it failed. */
  async ok(args: string[], options: CallOptions = {}): Promise<string> {
    const result = await this.call(args, options);
    if (result.code !== 0)
      throw new Error(`nk-runtime ${args.join(" ")}: exit ${result.code}: ${result.stderr}${result.stdout}`);
    return result.stdout;
  }

  /** Runs `nk-runtime ARGS` whose container outlives it: it must not hold a pipe of ours. */
  async detached(args: string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
    const log = join(this.root, ".stderr");
    const stderr = openSync(log, "w");
    const [program = "", ...words] = [...this.launcher, this.program, "--root", this.root, ...args];
    const child = spawn(program, words, {
      stdio: ["ignore", "ignore", stderr],
      env: { ...this.env(), ...env },
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    closeSync(stderr);
    if (code !== 0)
      throw new Error(`nk-runtime ${args.join(" ")}: exit ${String(code)}: ${readFileSync(log, "utf8")}`);
  }

  async bundle(options: BundleOptions = {}): Promise<TestBundle> {
    const bundle = await makeBundle(options);
    this.bundles.push(bundle);
    return bundle;
  }

  /** `run --mode=vm` of a fresh bundle, in the foreground. */
  async run(options: BundleOptions, flags: string[] = [], call: CallOptions = {}): Promise<Result> {
    const { dir } = await this.bundle(options);
    return this.runAgain(dir, flags, call);
  }

  /** The same of a bundle that is there. */
  async runAgain(dir: string, flags: string[] = [], call: CallOptions = {}): Promise<Result> {
    return this.call(["run", "--mode=vm", ...this.flags, ...flags, "--bundle", dir, this.id()], call);
  }

  /** A container that runs until it is deleted; its id. */
  async background(options: BundleOptions = {}, flags: string[] = []): Promise<string> {
    const { dir } = await this.bundle({ args: ["sleep", "1000000"], ...options });
    const id = this.id();
    await this.detached(["run", "-d", "--mode=vm", ...this.flags, ...flags, "--bundle", dir, id]);
    return id;
  }

  id(): string {
    this.count += 1;
    return `${this.idPrefix}${this.count}`;
  }

  /** What the runtime has noted of a container: its state.json. */
  record(id: string): ContainerRecord {
    return JSON.parse(readFileSync(join(this.root, id, "state.json"), "utf8")) as ContainerRecord;
  }

  /** What containers of this runtime could leave behind. */
  traces(): Traces {
    return { root: this.root, bundles: this.bundles.map(({ dir }) => dir), idPrefix: this.idPrefix };
  }

  private env(): NodeJS.ProcessEnv {
    const { settings } = this;
    return { ...process.env, [MARK]: this.root, ...(settings !== undefined && { NK_CONFIG_DIR: settings }) };
  }

  /** Deletes what is left and the files. Returns what could not be accounted for: must be empty. */
  async close(): Promise<string[]> {
    for (const id of readdirSync(this.root).filter((name) => !name.startsWith("."))) {
      await this.call(["delete", "--force", id]);
    }
    const left = residue(this.traces());
    for (const bundle of this.bundles) await bundle.cleanup();
    rmSync(this.root, { recursive: true, force: true });
    return left;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const left = await this.close();
    if (left.length > 0) throw new Error(`left behind:\n${left.join("\n")}`);
  }
}

const KERNELS = fileURLToPath(new URL("../../build/image/kernels", import.meta.url));

/** Every kernel that the guest image has, ours and the distribution's, as a row for `describe.each`. */
export function kernels(): [name: string, flag: string][] {
  const names = readdirSync(KERNELS).filter((name) => name.startsWith("vmlinu"));
  return names.map((name) => [name, `--vm-kernel=${join(KERNELS, name)}`]);
}

/** The flag of the distribution's kernel, whose features are modules; undefined where only ours is there. */
export function distroKernel(): string | undefined {
  return kernels().find(([name]) => name.startsWith("vmlinuz"))?.[1];
}

export function sha256(data: Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
