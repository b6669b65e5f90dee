import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Runtimes } from "../../src/engines/engine.ts";
import { podman as PODMAN } from "../../src/engines/podman.ts";
import { removeCgroups } from "../../src/host/cgroup-remove.ts";
import { listHierarchies } from "../../src/host/cgroup.ts";
import { makeBundle } from "../fixtures/make-bundle.ts";
import { NetworkLab } from "../fixtures/network/lab.ts";
import { MARK } from "../vm/residue.ts";
import { outputOf, saidBy, type Said } from "./said.ts";

const BIN = fileURLToPath(new URL("../../bin/", import.meta.url));
const NK_RUNTIME = join(BIN, "nk-runtime");

/** Both of ours, as `install-engine podman` makes them known. */
export const RUNTIMES: Runtimes = {
  container: { name: "nk-runtime", path: NK_RUNTIME },
  vm: { name: "nk-runtime-vm", path: join(BIN, "nk-runtime-vm") },
};

export type Backend = "cni" | "netavark";

export interface PodmanOptions {
  /** Of the runtime, its config.json. */
  settings?: Record<string, unknown>;
  /** A name of podman's, or a path. Default: ours. */
  runtime?: string;
}

let instances = 0;

/** podman with storage and networks of its own, on the host of a network lab; its runtime is ours in VM mode unless something else is said. */
export class Podman implements AsyncDisposable {
  readonly lab: NetworkLab;
  readonly runtime: string;
  /** Of containers that are run with `inCgroup`: nobody else's are below it. */
  readonly cgroup = `/nk-test-${process.pid}-podman-${(instances += 1)}`;
  readonly inCgroup = ["--cgroup-parent", this.cgroup];
  readonly folder = mkdtempSync(join(tmpdir(), "nk-podman-"));
  private readonly networks: string[] = [];
  private names = 0;

  private constructor(lab: NetworkLab, runtime: string) {
    this.lab = lab;
    this.runtime = runtime.includes("/") ? join(this.folder, "bin", basename(runtime)) : runtime;
  }

  /** With a folder of states of its own: podman's --runtime-flag does not come to what cleans up after a container. */
  private writeRuntime(path: string): void {
    const script = `#!/bin/sh
[ -e ${this.halt} ] && export NK_HALT_AT="$(cat ${this.halt})"
exec ${path} --root ${this.states} "$@"
`;
    writeFileSync(this.runtime, script, { mode: 0o755 });
  }

  private get halt(): string {
    return join(this.folder, "halt");
  }

  /** From now on the runtime stops at this step (NK_HALT_AT), or no more. */
  haltAt(step: string | undefined): void {
    if (step === undefined) rmSync(this.halt, { force: true });
    else writeFileSync(this.halt, step);
  }

  /** With an image `box`: busybox, and nothing else. */
  static async make(
    backend: Backend,
    { settings = { mode: "vm" }, runtime = NK_RUNTIME }: PodmanOptions = {},
  ): Promise<Podman> {
    const podman = new Podman(await NetworkLab.make(), runtime);
    const { folder } = podman;
    for (const name of ["networks", "settings", "bin"]) mkdirSync(join(folder, name));
    if (runtime !== podman.runtime) podman.writeRuntime(runtime);
    const settingsDir = join(folder, "settings");
    const known = PODMAN.configure(RUNTIMES, undefined, "");
    const conf = [
      `[network]\nnetwork_backend = "${backend}"`,
      // Hard limits of this host may be lower than podman's.
      `[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]`,
      known.replace(
        "[engine]\n",
        `[engine]\nconmon_env_vars = ["NK_CONFIG_DIR=${settingsDir}", "PATH=${process.env["PATH"] ?? ""}", "${MARK}=${folder}"]\n`,
      ),
    ];
    writeFileSync(join(folder, "containers.conf"), `${conf.join("\n")}\n`);
    writeFileSync(join(settingsDir, "config.json"), JSON.stringify(settings));
    const bundle = await makeBundle();
    const archive = join(folder, "box.tar");
    await promisify(execFile)("tar", ["-C", bundle.rootfs, "-cf", archive, "."]);
    await bundle.cleanup();
    await podman.ok("import", "--quiet", archive, "box");
    return podman;
  }

  /** The runtime's folder of states. */
  get states(): string {
    return join(this.folder, "states");
  }

  call(...args: string[]): Promise<Said> {
    return this.callWith("", args);
  }

  /** A call that may take longer than others. */
  within(timeoutMs: number | undefined, ...args: string[]): Promise<Said> {
    return this.callWith("", args, timeoutMs);
  }

  private callWith(input: string, args: readonly string[], timeoutMs?: number): Promise<Said> {
    const { folder } = this;
    const storage = [
      "--root",
      join(folder, "root"),
      "--runroot",
      join(folder, "run"),
      "--storage-driver=vfs",
    ];
    const argv = [
      ...this.lab.inside(this.lab.host),
      "podman",
      ...storage,
      "--network-config-dir",
      join(folder, "networks"),
      "--cgroup-manager=cgroupfs",
      "--runtime",
      this.runtime,
      ...args,
    ];
    const env = {
      ...process.env,
      [MARK]: folder,
      CONTAINERS_CONF: join(folder, "containers.conf"),
      NK_CONFIG_DIR: join(folder, "settings"),
    };
    return saidBy(argv, env, input, timeoutMs);
  }

  /** @throws with podman's words when it fails */
  async ok(...args: string[]): Promise<string> {
    return outputOf(`podman ${args.join(" ")}`, await this.call(...args));
  }

  /** What it says to this standard input. */
  async fed(input: string, ...args: string[]): Promise<{ code: number; stdout: string }> {
    const { code, stdout } = await this.callWith(input, args);
    return { code, stdout };
  }

  async inspect(name: string, format: string): Promise<string> {
    return (await this.ok("inspect", "--format", format, name)).trim();
  }

  /** For a container. */
  name(): string {
    this.names += 1;
    return `box-${this.names}`;
  }

  /** A container that runs until it is removed. */
  async run(name: string, flags: readonly string[], line = "exec sleep 1000000"): Promise<void> {
    await this.ok("run", "-d", "--name", name, ...flags, "box", "sh", "-c", line);
  }

  shell(name: string, line: string): Promise<string> {
    return this.ok("exec", name, "sh", "-c", line);
  }

  /** @returns its name, which no other network of this machine has: CNI keeps the addresses of all in one place */
  async network(name: string, ...flags: string[]): Promise<string> {
    const own = `nk-test-${process.pid}-${name}`;
    await this.ok("network", "create", ...flags, own);
    this.networks.push(own);
    return own;
  }

  /** A folder with these files, which is removed with the rest. */
  folderOf(name: string, files: Record<string, string>): string {
    const path = join(this.folder, name);
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(path, file)), { recursive: true });
      writeFileSync(join(path, file), text);
    }
    return path;
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), "utf8");
  }

  /** A file of this name, which is removed with the rest. */
  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.call("rm", "--all", "--force", "-t", "0");
    await this.call("pod", "rm", "--all", "--force");
    for (const name of this.networks) await this.call("network", "rm", "--force", name);
    await this.call("rmi", "--all", "--force");
    // podman keeps the folder, and one for conmon in it.
    const places = listHierarchies().map(({ mountPoint }) => join(mountPoint, this.cgroup));
    await removeCgroups(places.flatMap((place) => [join(place, "conmon"), place]));
    await this.lab.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
