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
  private count = 0;

  /** @param vmFlags of every container that is made, besides its VMM */
  constructor(vmm: string, vmFlags: readonly string[]) {
    this.vmm = vmm;
    this.vmFlags = [`--vm-vmm=${vmm}`, ...vmFlags];
  }

  /** A program that scripts/bench.sh has built. */
  program(name: string): string {
    return join(process.cwd(), "build/bench", name);
  }

  /** A busybox bundle whose container runs `args`, with more programs of ours below /bin. */
  async bundle(args: readonly string[], programs: readonly string[] = []): Promise<string> {
    this.count += 1;
    const bundle = join(this.folder, `bundle-${this.count}`);
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
    this.count += 1;
    return `bench-${process.pid}-${this.count}`;
  }

  /** The words of `nk-runtime ARGS` with our state folder. */
  words(...args: string[]): [string, ...string[]] {
    return [this.runtime, "--root", this.stateRoot, ...args];
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
