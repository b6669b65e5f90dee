import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestBundle } from "../fixtures/make-bundle.ts";
import { staticProgram } from "../fixtures/static-program.ts";
import { makeTree, parseListing, type Listed } from "../fixtures/tree.ts";
import { Runtime } from "./runtime.ts";
import { compare, type Comparison, type ShareUnderTest } from "./tree-shares.ts";

/** Mounts of config.json: their places are in the tree, their content is the guest's. */
const MOUNTED = ["dev", "proc", "sys"];

/** A bundle whose program lists its own root file system, with that of the host's listing to compare it to. */
export class TreeRig {
  private readonly runtime: Runtime;
  private readonly cache: string;
  private readonly bundle: TestBundle;
  private readonly host: Listed[];

  private constructor(runtime: Runtime, cache: string, bundle: TestBundle) {
    this.runtime = runtime;
    this.cache = cache;
    this.bundle = bundle;
    this.host = parseListing(
      execFileSync(staticProgram("list-tree"), [bundle.rootfs, ...MOUNTED], {
        encoding: "utf8",
        maxBuffer: 2 ** 28,
      }),
    );
  }

  /** @param files plain ones, besides one of everything */
  static async make(files: number): Promise<TreeRig> {
    const cache = mkdtempSync(join(tmpdir(), "nk-disks-"));
    process.env["NK_DISK_CACHE"] = cache;
    const runtime = new Runtime();
    const bundle = await runtime.bundle({
      args: ["/list-tree", "/", ...MOUNTED],
      capabilities: ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"],
    });
    copyFileSync(staticProgram("list-tree"), join(bundle.rootfs, "list-tree"));
    await makeTree(join(bundle.rootfs, "tree"), files);
    return new TreeRig(runtime, cache, bundle);
  }

  /** Runs a container whose root file system comes by this share, and compares what it sees. */
  async compare({ flags, readonlyRoot, differences }: ShareUnderTest): Promise<Comparison> {
    await this.bundle.edit((config) => {
      config["root"] = { path: "rootfs", readonly: readonlyRoot === true };
    });
    const { dir } = this.bundle;
    const id = this.runtime.id();
    const guest = await this.runtime.ok(["run", "--mode=vm", ...flags, "--bundle", dir, id]);
    return compare(this.host, parseListing(guest), differences);
  }

  /** Returns what is left behind: must be empty. */
  async close(): Promise<string[]> {
    const left = await this.runtime.close();
    delete process.env["NK_DISK_CACHE"];
    rmSync(this.cache, { recursive: true });
    return left;
  }
}
