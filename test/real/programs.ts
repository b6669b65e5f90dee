import { existsSync, realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Podman } from "./podman.ts";
import type { Said } from "./said.ts";

const ROOT = fileURLToPath(new URL("../../build/programs-root", import.meta.url));
const SCRIPTS = fileURLToPath(new URL("programs", import.meta.url));
const TABLE = fileURLToPath(new URL("../../build/logs/programs", import.meta.url));

/** How a program is run: on the host's kernel, or in a VM by a share. */
export const MODES = ["runc", "virtiofs", "9p", "block"] as const;

/** A container's CPUs and memory where it is a VM. */
const VCPUS = 2;
const MEMORY_MIB = 1024;

export interface ProgramOptions {
  /** Of `podman run`. */
  flags?: readonly string[];
  timeoutMs?: number;
}

/** Programs in the root file system that scripts/lib/programs-root.sh makes, under podman, with the time that each has taken. */
export class Programs implements AsyncDisposable {
  readonly podman: Podman;
  private readonly table: string;
  private readonly seconds = new Map<string, Map<string, string>>();

  private constructor(podman: Podman, table: string) {
    this.podman = podman;
    this.table = table;
  }

  /** @param name of the table of times, which is below build/logs in the end */
  static async open(name: string): Promise<Programs> {
    if (!existsSync(ROOT)) throw new Error(`${ROOT} is missing: scripts/test.sh real makes it`);
    return new Programs(await Podman.make("netavark", { settings: {} }), `${TABLE}-${name}.md`);
  }

  /** Flags of `podman run`, the last ones, for a container of that mode whose root is a layer over the programs' one. */
  flags(mode: string): string[] {
    // A disk is a copy already, and the image of a root that stays as it is is kept.
    const root = ["--rootfs", mode === "block" ? realpathSync(ROOT) : `${ROOT}/:O`];
    if (mode === "runc") return root;
    const settings = { mode: "vm", "vm.share": mode, "vm.memory": MEMORY_MIB, "vm.vcpus": VCPUS };
    return [
      // crun in a container raises it when it loads its rules for devices. That needs CAP_SYS_RESOURCE, which not every root has to give.
      "--ulimit=memlock=-1:-1",
      ...Object.entries(settings).map(([name, value]) => `--annotation=org.nano-sandbox.${name}=${value}`),
      ...root,
    ];
  }

  /** Runs the script of that name to its end. */
  run(mode: string, script: string, { flags = [], timeoutMs }: ProgramOptions = {}): Promise<Said> {
    const words = ["--rm", ...flags, "--volume", `${SCRIPTS}:/programs:ro`, ...this.flags(mode)];
    const program = [`/programs/${script}.sh`];
    return this.podman.within(timeoutMs, "run", ...words, ...program);
  }

  /** Measures work that throws when it fails. */
  async timed<T>(program: string, mode: string, work: () => Promise<T>): Promise<T> {
    const row = this.seconds.get(program) ?? new Map<string, string>();
    this.seconds.set(program, row.set(mode, "failed"));
    const started = performance.now();
    const result = await work();
    row.set(mode, ((performance.now() - started) / 1000).toFixed(1));
    return result;
  }

  /** Writes the table of times. */
  async [Symbol.asyncDispose](): Promise<void> {
    const line = (words: readonly string[]): string => `| ${words.join(" | ")} |\n`;
    const rows = [...this.seconds].map(([program, times]) =>
      line([program, ...MODES.map((mode) => times.get(mode) ?? "")]),
    );
    const head = line(["seconds", ...MODES]) + line(["---", ...MODES.map(() => "--:")]);
    writeFileSync(this.table, head + rows.join(""));
    await this.podman[Symbol.asyncDispose]();
  }
}
