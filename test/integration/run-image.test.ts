import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { busyboxImage } from "../fixtures/busybox-image.ts";
import { dockerArchive, writeLayout } from "../fixtures/container-image.ts";
import { NkRuntime } from "../fixtures/nk-runtime.ts";
import { AtTerminal } from "../vm/at-terminal.ts";

const BUNDLES = "/var/lib/nano-sandbox/bundles";

let nk: NkRuntime;
let dir: string;
let image: string;

beforeEach(async () => {
  nk = await NkRuntime.make();
  dir = mkdtempSync(join(tmpdir(), "nk-image-"));
  image = join(dir, "box.tar");
  writeFileSync(
    image,
    dockerArchive([
      busyboxImage({
        User: "app",
        WorkingDir: "/home/app/new",
        Env: ["A=b c"],
        Entrypoint: ["sh", "-c"],
        Cmd: ["id; env; pwd; hostname"],
      }),
    ]),
  );
});
afterEach(async () => {
  await nk.cleanup();
  rmSync(dir, { recursive: true });
});

/** Bundles of containers of this test's own state folder. */
function bundles(): string[] {
  const names = existsSync(BUNDLES) ? readdirSync(BUNDLES) : [];
  return names.filter((name) => linkTo(join(BUNDLES, name, "state"))?.startsWith(`${nk.root}/`) === true);
}

function linkTo(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

describe("run --image", () => {
  it("runs the image's command as its user, and removes all of it at the end", async () => {
    const { code, stdout, stderr } = await nk.run(["run", "--image", image, "imaged1"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("uid=1000(app) gid=100(users) groups=2000(extra)");
    expect(stdout.split("\n")).toEqual(
      expect.arrayContaining(["A=b c", "HOME=/home/app", "/home/app/new", "imaged1"]),
    );
    expect(bundles()).toEqual([]);
  });

  it.each([
    [["imaged1", "echo $0", "x", "--flag"], "x\n"],
    [["imaged1", "--", "echo hi"], "hi\n"],
  ])("takes another command, with all its words: %j", async (words, output) => {
    expect(await nk.run(["run", `--image=${image}:box:1`, ...words])).toMatchObject({
      code: 0,
      stdout: output,
    });
  });

  it("gives it a terminal with -t", async () => {
    const terminal = AtTerminal.run(nk.root, [
      "run",
      "-it",
      "--image",
      image,
      "imaged1",
      "test -t 0 && echo $TERM",
    ]);
    expect(await terminal.end()).toMatchObject({ code: 0, output: "xterm\r\n" });
  });

  it.each([["delete"], ["rm", "-f"]])(
    "keeps the bundle as long as the container, which %s ends",
    async (...removal) => {
      const words = ["run", "-d", "--image", image, "imaged1", removal.length === 1 ? "true" : "sleep 1000"];
      expect((await nk.run(words, { streams: "ignored" })).code).toBe(0);
      expect(bundles()).toHaveLength(1);
      if (removal.length === 1)
        await expect
          .poll(async () => (await nk.run(["state", "--short", "imaged1"])).stdout)
          .toContain("stopped");
      expect((await nk.run([...removal, "imaged1"])).code).toBe(0);
      expect(bundles()).toEqual([]);
    },
  );

  it("removes it where the container cannot be made, and with a record that is damaged", async () => {
    expect((await nk.run(["run", "--image", image, "--host-runtime=/bin/false", "imaged1"])).code).toBe(1);
    expect((await nk.run(["run", "--image", dir, "imaged1"])).code).toBe(1);
    expect(bundles()).toEqual([]);
    await nk.run(["run", "-d", "--image", image, "imaged2", "true"], { streams: "ignored" });
    writeFileSync(join(nk.root, "imaged2/state.json"), "{");
    expect((await nk.run(["delete", "--force", "imaged2"])).code).toBe(0);
    expect(bundles()).toEqual([]);
  });

  it("whatever it is killed at, delete or gc removes what is left", async () => {
    const steps = ["read the bundle", "settle mode and size", "unpack the image"];
    for (const step of steps) {
      const child = nk.spawn(["run", "--image", image, "imaged1"], {
        env: { NK_HALT_AT: step },
        streams: "ignored",
      });
      await halted(child.pid ?? 0);
      child.kill("SIGKILL");
      await once(child, "exit");
      expect((await nk.run(["delete", "--force", "imaged1"])).code).toBe(0);
      expect(bundles()).toEqual([]);
      expect(readdirSync(nk.root)).toEqual([]);
    }
  });

  it("what cannot be removed fails its own delete and gc, and nobody else's delete", async () => {
    for (const id of ["imaged1", "imaged2"])
      await nk.run(["run", "-d", "--image", image, id, "sleep 1000"], { streams: "ignored" });
    const inside = join(nk.root, "imaged1/image");
    const mounted = join(readlinkSync(inside), "bundle/rootfs/home");
    execFileSync("mount", ["--bind", dir, mounted]);
    const leftover = `cannot remove ${readlinkSync(inside)}: home: `;
    try {
      const own = await nk.run(["delete", "--force", "imaged1"]);
      expect([own.code, own.stderr]).toEqual([1, expect.stringContaining(leftover)]);
      const other = await nk.run(["delete", "--force", "imaged2"]);
      expect([other.code, other.stderr]).toEqual([0, expect.stringContaining(leftover)]);
      expect((await nk.run(["gc"])).code).toBe(1);
    } finally {
      execFileSync("umount", [mounted]);
    }
    expect(existsSync(image)).toBe(true);
    expect((await nk.run(["gc"])).code).toBe(0);
    expect(bundles()).toEqual([]);
    // The state of the host's runtime.
    expect(readdirSync(nk.root)).toEqual(["~host"]);
  });

  it("gc finds one whose state folder was lost, and leaves those in use", async () => {
    await nk.run(["run", "-d", "--image", image, "imaged1", "sleep 1000"], { streams: "ignored" });
    const [used = ""] = bundles();
    const stray = join(BUNDLES, `${await deadProcess()}-1-0123abcd`);
    mkdirSync(join(stray, "bundle/rootfs"), { recursive: true });
    symlinkSync(join(nk.root, "lost"), join(stray, "state"));
    expect((await nk.run(["gc", "--dry-run"])).stdout).toContain(
      `would remove bundle ${stray}: its container is gone`,
    );
    expect((await nk.run(["gc"])).stdout).not.toContain(used);
    expect(bundles()).toEqual([used]);
    expect(existsSync(stray)).toBe(false);
  });

  it("a signal while it is unpacked ends it, and leaves nothing", async () => {
    writeLayout(join(dir, "layout"), [busyboxImage()]);
    const child = nk.spawn(["run", "--image", join(dir, "layout"), "imaged1"], {
      env: { NK_HALT_AT: "unpack the image" },
    });
    await halted(child.pid ?? 0);
    child.kill("SIGTERM");
    child.kill("SIGCONT");
    const [code] = (await once(child, "exit")) as [number | null];
    expect(code).toBe(143);
    expect(bundles()).toEqual([]);
    expect(readdirSync(nk.root)).toEqual([]);
  });

  it("excludes --bundle", async () => {
    const { code, stderr } = await nk.run(["run", "--image", image, "--bundle", dir, "imaged1"]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "nk-runtime: --image and --bundle exclude each other: leave one out\n",
    });
  });
});

async function halted(pid: number): Promise<void> {
  await expect
    .poll(async () => / T /.test(await readFile(`/proc/${pid}/stat`, "utf8")), { interval: 20 })
    .toBe(true);
}

async function deadProcess(): Promise<number> {
  const child = spawn("true");
  await once(child, "exit");
  return child.pid ?? 0;
}
