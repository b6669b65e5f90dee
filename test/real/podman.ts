import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { makeBundle } from "../fixtures/make-bundle.ts";
import { NetworkLab } from "../fixtures/network/lab.ts";

const NK_RUNTIME = fileURLToPath(new URL("../../bin/nk-runtime", import.meta.url));

export type Backend = "cni" | "netavark";

export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** podman with storage and networks of its own, on the host of a network lab, whose runtime is ours in VM mode. */
export class Podman implements AsyncDisposable {
  readonly lab: NetworkLab;
  private readonly folder = mkdtempSync(join(tmpdir(), "nk-podman-"));
  private readonly networks: string[] = [];

  private constructor(lab: NetworkLab) {
    this.lab = lab;
  }

  /** With an image `box`: busybox, and nothing else. @param settings of the runtime, its config.json */
  static async make(backend: Backend, settings: Record<string, unknown> = {}): Promise<Podman> {
    const podman = new Podman(await NetworkLab.make());
    const { folder } = podman;
    for (const name of ["networks", "settings"]) mkdirSync(join(folder, name));
    const settingsDir = join(folder, "settings");
    const conf = [
      `[network]\nnetwork_backend = "${backend}"`,
      `[engine]\nconmon_env_vars = ["NK_CONFIG_DIR=${settingsDir}", "PATH=${process.env["PATH"] ?? ""}"]`,
    ];
    writeFileSync(join(folder, "containers.conf"), `${conf.join("\n")}\n`);
    writeFileSync(join(settingsDir, "config.json"), JSON.stringify({ mode: "vm", ...settings }));
    const bundle = await makeBundle();
    const archive = join(folder, "box.tar");
    await promisify(execFile)("tar", ["-C", bundle.rootfs, "-cf", archive, "."]);
    await bundle.cleanup();
    await podman.ok("import", "--quiet", archive, "box");
    return podman;
  }

  async call(...args: string[]): Promise<Said> {
    const { folder } = this;
    const storage = [
      "--root",
      join(folder, "root"),
      "--runroot",
      join(folder, "run"),
      "--storage-driver=vfs",
    ];
    const [program = "", ...words] = [
      ...this.lab.inside(this.lab.host),
      "podman",
      ...storage,
      "--network-config-dir",
      join(folder, "networks"),
      "--cgroup-manager=cgroupfs",
      "--runtime",
      NK_RUNTIME,
      ...args,
    ];
    const env = {
      ...process.env,
      CONTAINERS_CONF: join(folder, "containers.conf"),
      NK_CONFIG_DIR: join(folder, "settings"),
    };
    try {
      return { code: 0, ...(await promisify(execFile)(program, words, { env, timeout: 120_000 })) };
    } catch (error) {
      const { code, stdout, stderr } = error as Said;
      return { code, stdout, stderr };
    }
  }

  /** @throws with podman's words when it fails */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.call(...args);
    if (code !== 0) throw new Error(`podman ${args.join(" ")}: exit ${code}: ${stderr}${stdout}`);
    return stdout;
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
    await this.lab.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
