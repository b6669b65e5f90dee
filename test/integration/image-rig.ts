import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { plainLayer, writeLayout, type TestImage, type TestLayer } from "../fixtures/container-image.ts";
import { NkRuntime, type Outcome } from "../fixtures/nk-runtime.ts";
import { tar, type TarMember } from "../fixtures/tar.ts";

/** A folder for images and bundles of one test, with a canary beside: what an image must not reach. */
export class ImageRig {
  readonly nk: NkRuntime;
  readonly dir = mkdtempSync(join(tmpdir(), "nk-images-"));

  private constructor(nk: NkRuntime) {
    this.nk = nk;
    mkdirSync(join(this.dir, "canary/inner"), { recursive: true });
    writeFileSync(join(this.dir, "canary/file"), "untouched");
  }

  static async make(): Promise<ImageRig> {
    return new ImageRig(await NkRuntime.make());
  }

  async cleanup(): Promise<void> {
    await this.nk.cleanup();
    rmSync(this.dir, { recursive: true });
  }

  /** `nk-runtime bundle` of an OCI layout of that image, to out/. */
  async unpackImage(image: TestImage): Promise<Outcome> {
    const layout = join(this.dir, "layout");
    rmSync(layout, { recursive: true, force: true });
    writeLayout(layout, [image]);
    return this.nk.run(["bundle", layout, join(this.dir, "out")]);
  }

  unpack(...layers: TestLayer[]): Promise<Outcome> {
    return this.unpackImage({ layers });
  }

  rootfs(path = ""): string {
    return join(this.dir, "out/rootfs", path);
  }

  content(path: string): string {
    return readFileSync(this.rootfs(path), "utf8");
  }

  config(): { process: Record<string, unknown> } {
    return JSON.parse(readFileSync(join(this.dir, "out/config.json"), "utf8")) as {
      process: Record<string, unknown>;
    };
  }

  outside(path: string): string {
    return join(this.dir, "canary", path);
  }

  /** All names in the canary with their times and links: what was touched shows. */
  canary(): string[] {
    const format = "%P %y %s %T@ %C@ %n\n";
    const paths = execFileSync("find", [join(this.dir, "canary"), "-printf", format], { encoding: "utf8" });
    return paths.split("\n").sort();
  }
}

export const layer = (...members: TarMember[]): TestLayer => plainLayer(tar(members));
