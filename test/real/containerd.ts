import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "vitest";
import { plainLayer, ociArchive } from "../fixtures/container-image.ts";
import { makeBundle } from "../fixtures/make-bundle.ts";
import { NetworkLab } from "../fixtures/network/lab.ts";
import { AtTerminal } from "../vm/at-terminal.ts";
import { MARK } from "../vm/residue.ts";
import { outputOf, saidBy, type Said } from "./said.ts";

export const NK_RUNTIME = fileURLToPath(new URL("../../bin/nk-runtime", import.meta.url));

/** Of the namespace that the CRI uses. */
const NAMESPACE = "k8s.io";
export const IMAGE = "localhost/box:1";

/** containerd with folders of its own, on the host of a network lab: runtimes `runc`, `nk` (container mode) and `nk-vm`. */
export class Containerd implements AsyncDisposable {
  readonly lab: NetworkLab;
  readonly folder = mkdtempSync(join(tmpdir(), "nk-containerd-"));
  /** Nobody removes those of containers in the background. */
  private readonly fifos = mkdtempSync(join(tmpdir(), "nk-fifos-"));
  private daemon: ChildProcess | undefined;

  private constructor(lab: NetworkLab) {
    this.lab = lab;
  }

  static async make(): Promise<Containerd> {
    const containerd = new Containerd(await NetworkLab.make());
    try {
      await containerd.start();
    } catch (error) {
      await containerd[Symbol.asyncDispose]();
      throw error;
    }
    return containerd;
  }

  get socket(): string {
    return join(this.folder, "containerd.sock");
  }

  /** The folder of the states of containers that `run` makes. */
  get states(): string {
    return join(this.folder, "states");
  }

  /** Path of the runtime that a name of the configuration stands for; the shim takes no flags for it. */
  runtime(mode: "container" | "vm"): string {
    return join(this.folder, `nk-${mode}`);
  }

  private async start(): Promise<void> {
    const { folder } = this;
    mkdirSync(join(folder, "cni"));
    writeFileSync(join(folder, "cni/10-box.conflist"), JSON.stringify(cniConfig(folder)));
    for (const mode of ["container", "vm"] as const) this.writeRuntime(mode);
    writeFileSync(join(folder, "config.toml"), this.config());
    await this.boot();
    const bundle = await makeBundle();
    const layer = await promisify(execFile)("tar", ["-C", bundle.rootfs, "-c", "."], {
      encoding: "buffer",
      maxBuffer: 1 << 26,
    });
    await bundle.cleanup();
    const config = { Cmd: ["sleep", "1000000"], Env: ["PATH=/bin:/sbin:/usr/bin:/usr/sbin"] };
    const archive = join(folder, "box.tar");
    writeFileSync(archive, ociArchive([{ layers: [plainLayer(layer.stdout)], config, name: IMAGE }]));
    await this.ok("images", "import", archive);
  }

  private async boot(): Promise<void> {
    const config = join(this.folder, "config.toml");
    const argv = [...this.lab.inside(this.lab.host), "containerd", "--config", config];
    const daemon = spawn(argv[0] ?? "", argv.slice(1), {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, [MARK]: this.folder },
    });
    this.daemon = daemon;
    let said = "";
    await new Promise<void>((resolve, reject) => {
      daemon.stderr.on("data", (chunk: Buffer) => {
        said = `${said}${chunk.toString()}`.slice(-10_000);
        if (said.includes("containerd successfully booted")) resolve();
      });
      daemon.once("exit", () => reject(new Error(`containerd has ended: ${said}`)));
    });
  }

  private async end(): Promise<void> {
    if (this.daemon?.exitCode !== null) return;
    const exited = once(this.daemon, "exit");
    this.daemon.kill();
    await exited;
  }

  private writeRuntime(mode: "container" | "vm"): void {
    const settings = join(this.folder, `settings-${mode}`);
    mkdirSync(settings);
    writeFileSync(join(settings, "config.json"), JSON.stringify({ mode }));
    const script = `#!/bin/sh\nNK_CONFIG_DIR=${settings} exec ${NK_RUNTIME} "$@"\n`;
    writeFileSync(this.runtime(mode), script);
    chmodSync(this.runtime(mode), 0o755);
  }

  private config(): string {
    const { folder } = this;
    const cri = 'plugins."io.containerd.grpc.v1.cri"';
    const runtime = (name: string, path: string): string => `
[${cri}.containerd.runtimes.${name}]
  runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.${name}.options]
  BinaryName = "${path}"
`;
    return `
version = 2
root = "${folder}/root"
state = "${folder}/state"
[grpc]
  address = "${this.socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/opt"
[${cri}]
  sandbox_image = "${IMAGE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
[${cri}.cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${folder}/cni"
[${cri}.containerd]
  snapshotter = "native"
${runtime("runc", "runc")}${runtime("nk", this.runtime("container"))}${runtime("nk-vm", this.runtime("vm"))}`;
  }

  private ctr(args: readonly string[]): string[] {
    const { lab, socket } = this;
    return [...lab.inside(lab.host), "ctr", "--address", socket, "--namespace", NAMESPACE, ...args];
  }

  /** `ctr`. */
  call(...args: string[]): Promise<Said> {
    return saidBy(this.ctr(args));
  }

  /** `ctr` at a terminal. */
  atTerminal(...args: string[]): AtTerminal {
    return AtTerminal.program(this.folder, this.ctr(args));
  }

  /** The words of `ctr run`, up to the name of the container. @param runtime a path, or a name that is on the PATH */
  runWords(runtime: string, id: string, ...flags: string[]): string[] {
    const own = ["--runc-binary", runtime, "--runc-root", this.states, "--snapshotter", "native"];
    if (flags.includes("-d")) own.push("--fifo-dir", this.fifos);
    return ["run", ...own, ...flags, IMAGE, id];
  }

  /** `ctr events`, from now on. */
  async events(): Promise<CtrEvents> {
    const [program = "", ...words] = this.ctr(["events"]);
    const events = new CtrEvents(spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] }));
    // It does not say when it listens: it has seen what was done.
    await expect
      .poll(async () => {
        await this.ok("namespaces", "label", NAMESPACE, `seen=${events.seen}`);
        return events.seen;
      })
      .toBeGreaterThan(0);
    return events;
  }

  /** @throws with ctr's words when it fails */
  async ok(...args: string[]): Promise<string> {
    return outputOf(`ctr ${args.join(" ")}`, await this.call(...args));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of (await this.call("tasks", "ls", "-q")).stdout.split("\n").filter(Boolean))
      await this.call("tasks", "rm", "--force", id);
    await this.end();
    await this.lab.close();
    for (const folder of [this.folder, this.fifos]) rmSync(folder, { recursive: true, force: true });
  }
}

/** What `ctr events` has said. */
export class CtrEvents implements AsyncDisposable {
  private readonly child: ChildProcess;
  private readonly lines: string[] = [];

  constructor(child: ChildProcess) {
    this.child = child;
    if (child.stdout) createInterface(child.stdout).on("line", (line) => this.lines.push(line));
  }

  get seen(): number {
    return this.lines.length;
  }

  /** Those of a container's task, in their order. */
  topics(id: string): string[] {
    return this.lines
      .filter((line) => line.includes(`"container_id":"${id}"`))
      .map((line) => / (\/tasks\/\S+)/.exec(line)?.[1] ?? "")
      .filter((topic) => topic !== "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.child, "exit");
    this.child.kill();
    await ended;
  }
}

function cniConfig(folder: string): object {
  const ipam = {
    type: "host-local",
    dataDir: join(folder, "ipam"),
    ranges: [[{ subnet: "10.99.0.0/16" }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  const bridge = { type: "bridge", bridge: "nk-cni0", isGateway: true, ipMasq: true, ipam };
  return { cniVersion: "0.4.0", name: "box", plugins: [bridge] };
}
