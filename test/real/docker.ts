import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { listHierarchies } from "../../src/host/cgroup.ts";
import { removeCgroups } from "../../src/host/cgroup-remove.ts";
import { StateStore } from "../../src/state/store.ts";
import { makeBundle } from "../fixtures/make-bundle.ts";
import { NetworkLab, ROUTER } from "../fixtures/network/lab.ts";
import { outputOf, saidBy, type Said } from "./said.ts";

const NK_RUNTIME = fileURLToPath(new URL("../../bin/nk-runtime", import.meta.url));
/** Its containers are in folders below, in every hierarchy. */
const CGROUP = `/nk-test-${process.pid}-docker`;
const READY = "API listen on";
/** Where it keeps a key and sockets of plugins, whatever it is told: what is the machine's is out of its sight. */
const OWN_FOLDERS = ["/etc/docker", "/run/docker"];

/** dockerd with state and networks of its own, on the host of a network lab. Its runtime is ours, in VM mode unless `--runtime=nk` is given. */
export class Docker implements AsyncDisposable {
  readonly lab: NetworkLab;
  private readonly folder = mkdtempSync(join(tmpdir(), "nk-docker-"));
  private daemon: ChildProcess | undefined;

  private constructor(lab: NetworkLab) {
    this.lab = lab;
  }

  /** With an image `box`: busybox, and nothing else. */
  static async make(): Promise<Docker> {
    const docker = new Docker(await NetworkLab.make());
    try {
      await docker.start();
      const bundle = await makeBundle();
      const archive = join(docker.folder, "box.tar");
      await promisify(execFile)("tar", ["-C", bundle.rootfs, "-cf", archive, "."]);
      await bundle.cleanup();
      await docker.ok(["import", archive, "box"]);
    } catch (error) {
      await docker[Symbol.asyncDispose]();
      throw error;
    }
    return docker;
  }

  /** @param input of its standard input */
  call(args: readonly string[], input = ""): Promise<Said> {
    const argv = [...this.lab.inside(this.lab.host), "docker", "-H", this.socket, ...args];
    return saidBy(argv, process.env, input);
  }

  /** @throws with docker's words when it fails */
  async ok(args: readonly string[], input = ""): Promise<string> {
    return outputOf(`docker ${args.join(" ")}`, await this.call(args, input));
  }

  /** A container that runs until it is removed. */
  async run(name: string, flags: readonly string[], line = "exec sleep 1000000"): Promise<void> {
    await this.ok(["run", "-d", "--name", name, ...flags, "box", "sh", "-c", line]);
  }

  shell(name: string, line: string): Promise<string> {
    return this.ok(["exec", name, "sh", "-c", line]);
  }

  async inspect(name: string, format: string): Promise<string> {
    return (await this.ok(["inspect", "-f", format, name])).trim();
  }

  /** Of the VMM that a container is in. */
  async vmmPid(name: string): Promise<number> {
    const store = new StateStore(join(this.folder, "exec/runtime-runc/moby"));
    const { vm } = store.read(await this.inspect(name, "{{.Id}}"));
    if (vm === undefined) throw new Error(`${name} does not run in a VM`);
    return vm.vmmPid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.daemon?.exitCode === null) {
      const { stdout } = await this.call(["ps", "--all", "--quiet"]);
      const ids = stdout.split("\n").filter((id) => id !== "");
      if (ids.length > 0) await this.call(["rm", "--force", ...ids]);
      const ended = once(this.daemon, "exit");
      this.daemon.kill("SIGTERM");
      await ended;
    }
    await removeCgroups(listHierarchies().map(({ mountPoint }) => join(mountPoint, CGROUP)));
    await this.lab.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private get socket(): string {
    return `unix://${join(this.folder, "docker.sock")}`;
  }

  /** Resolves when it takes calls. */
  private async start(): Promise<void> {
    const { folder, lab } = this;
    const settings = {
      runtimes: { nk: { path: NK_RUNTIME }, "nk-vm": { path: NK_RUNTIME, runtimeArgs: ["--mode=vm"] } },
      "default-runtime": "nk-vm",
      "data-root": join(folder, "data"),
      "exec-root": join(folder, "exec"),
      pidfile: join(folder, "docker.pid"),
      hosts: [this.socket],
      "storage-driver": "vfs",
      "exec-opts": ["native.cgroupdriver=cgroupfs"],
      "cgroup-parent": CGROUP,
      dns: [ROUTER.v4],
    };
    const config = join(folder, "daemon.json");
    writeFileSync(config, JSON.stringify(settings));
    const hide = OWN_FOLDERS.map((path) => `mkdir -p ${path} && mount -t tmpfs none ${path}`).join(" && ");
    const script = `${hide} && exec dockerd --config-file ${config}`;
    const [program, ...words] = [...lab.inside(lab.host), "unshare", "--mount", "sh", "-c", script];
    this.daemon = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
    await saidReady(this.daemon);
  }
}

/** Its log is read to its end, or it would wait for a reader. @throws with the end of the log when it ends instead */
async function saidReady(daemon: ChildProcess): Promise<void> {
  const last: string[] = [];
  await new Promise<void>((resolve, reject) => {
    if (daemon.stderr === null) return reject(new Error("dockerd has no standard error"));
    createInterface(daemon.stderr).on("line", (line) => {
      last.splice(0, last.length - 19);
      last.push(line);
      if (line.includes(READY)) resolve();
    });
    daemon.once("exit", () => reject(new Error(`dockerd has ended:\n${last.join("\n")}`)));
  });
}
