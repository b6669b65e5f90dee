import { spawn, type ChildProcess } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContainerRecord } from "../src/state/record.ts";
import { timeProcess, type Timed } from "./process.ts";

/** A state folder, bundles and containers of their own; `close` removes them all. */
export class Workbench {
  readonly folder = mkdtempSync(join(tmpdir(), "nkb-"));
  readonly runtime = join(process.cwd(), "bin/nk-runtime");
  /** For the states of runtimes: in memory, as /run is on ordinary hosts. */
  readonly states = mkdtempSync("/dev/shm/nkb-");
  private readonly stateRoot = join(this.states, "nk");
  readonly vmm: string;
  readonly vmFlags: readonly string[];
  private readonly ids = new Set<string>();
  private readonly prefix: readonly string[];
  private static count = 0;

  /**
   * @param vmFlags of every container that is made in a VM
   * @param prefix what each command line begins with, such as nsenter with its flags
   */
  constructor(vmm: string, vmFlags: readonly string[], prefix: readonly string[] = []) {
    this.vmm = vmm;
    this.prefix = prefix;
    this.vmFlags = vmFlags;
  }

  /** Another one, whose commands all begin with `prefix`. */
  behind(prefix: readonly string[]): Workbench {
    return new Workbench(this.vmm, this.vmFlags, prefix);
  }

  /** A program that scripts/bench.sh has built. */
  program(name: string): string {
    return join(process.cwd(), "build/bench", name);
  }

  /** A busybox bundle whose container runs `args`, with more programs of ours below /bin. */
  async bundle(args: readonly string[], programs: readonly string[] = []): Promise<string> {
    Workbench.count += 1;
    const bundle = join(this.folder, `bundle-${Workbench.count}`);
    await timeProcess(join(process.cwd(), "examples/make-bundle.sh"), ["hello", bundle]);
    const path = join(bundle, "config.json");
    const config = JSON.parse(readFileSync(path, "utf8")) as {
      process: { args: readonly string[] };
      root: { readonly?: boolean };
    };
    config.process.args = args;
    config.root.readonly = false;
    writeFileSync(path, JSON.stringify(config));
    for (const name of programs) copyFileSync(this.program(name), join(bundle, "rootfs/bin", name));
    return bundle;
  }

  newId(): string {
    Workbench.count += 1;
    return `bench-${process.pid}-${Workbench.count}`;
  }

  /** The words of `nk-runtime ARGS` with our state folder. */
  words(...args: string[]): [string, ...string[]] {
    const [program, ...more] = [...this.prefix, this.runtime];
    return [program, ...more, "--root", this.stateRoot, ...args];
  }

  call(...args: string[]): Promise<Timed> {
    const [command, ...words] = this.words(...args);
    return timeProcess(command, words);
  }

  /** `run` in the foreground; its state is kept until `remove`. */
  run(bundle: string, id: string, ...flags: string[]): Promise<Timed> {
    this.ids.add(id);
    return this.call("run", "--keep", "--mode=vm", ...this.vmFlags, ...flags, "--bundle", bundle, id);
  }

  /** A container that runs until it is removed. */
  async background(bundle: string, flags: readonly string[] = []): Promise<string> {
    const id = this.newId();
    this.ids.add(id);
    const words = this.words("run", "-d", "--mode=vm", ...this.vmFlags, ...flags, "--bundle", bundle, id);
    await timeProcess(words[0], words.slice(1), { detaches: true });
    return id;
  }

  /** `run` in the foreground, of a container that runs until it is removed: what it prints can be read. */
  foreground(bundle: string, flags: readonly string[]): { id: string; child: ChildProcess } {
    const id = this.newId();
    this.ids.add(id);
    const [command, ...words] = this.words("run", ...flags, "--bundle", bundle, id);
    return { id, child: spawn(command, words, { stdio: ["ignore", "pipe", "inherit"] }) };
  }

  record(id: string): ContainerRecord {
    return JSON.parse(readFileSync(this.stateFile(id, "state.json"), "utf8")) as ContainerRecord;
  }

  stateFile(id: string, name: string): string {
    return join(this.stateRoot, id, name);
  }

  async remove(id: string): Promise<void> {
    await this.call("delete", "--force", id);
    this.ids.delete(id);
  }

  async close(): Promise<void> {
    for (const id of this.ids) await this.remove(id).catch(() => {});
    for (const folder of [this.folder, this.states]) rmSync(folder, { recursive: true, force: true });
  }
}
