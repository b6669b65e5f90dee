import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectOneLine } from "../fixtures/refused.ts";
import { runtime, useDisks, volume } from "./block-rig.ts";

/** `--vm-sync`: what the container changed on its disk, on the host after its end. */
useDisks();

const SYNC = ["--mode=vm", "--vm-share=block", "--vm-sync"];

/** The tree before; by the host, in the root file system. */
const BEFORE = `
mkdir -p w/folder/deep w/moved/in w/other w/swapped; cd w
echo old >changed; echo old >folder/gone; echo same >untouched; ln -s changed link; echo x >moved/in/file; echo f >tofolder
echo d >swapped/x; echo twice >one; ln one two; touch -d '2001-02-03 04:05:06' untouched folder`;

/** What the container does with it, and then the tree as it sees it. */
const CHANGES = `
cd /w; echo new >changed; rm folder/gone; rmdir folder/deep; chmod 700 folder; ln -sf untouched link; mv moved elsewhere
rm tofolder; mkdir tofolder; echo in >tofolder/in; rm -r swapped; echo now >swapped; echo more >>one; chown 12:34 other
mkfifo fifo; mknod null c 1 3; chmod 4711 changed; mkdir -p new/empty; echo lonely >new/a; ln new/a new/b
dd if=/dev/urandom of=big bs=1M count=8 2>/dev/null; dd if=/dev/zero of=sparse bs=1 count=1 seek=64M 2>/dev/null
touch -d '1999-01-01 12:00:00' new/a; echo volume >/data/x`;

/** Of folders neither size nor links; both sides have the same busybox. */
const LIST = `
find . -type d -exec stat -c '%n %f %u %g %Y' {} + | sort; find . ! -type d -exec stat -c '%n %f %u %g %s %h %Y %t:%T' {} + | sort
find . -type l -exec readlink {} + ; find . -type f -exec md5sum {} + | sort`;

describe.each(["ext4", "erofs"])("on %s", (format) => {
  it("brings every kind of change, and nothing of the runtime's, and finds it again", async () => {
    const mounts = [
      { destination: "/data", type: "bind", source: volume, options: ["rbind"] },
      { destination: "/made/here", type: "tmpfs" },
    ];
    const bundle = await runtime.bundle({
      args: ["sh", "-c", `${CHANGES}; cd /w; ${LIST}`],
      mounts,
    });
    const { dir, rootfs } = bundle;
    execFileSync("sh", ["-ec", BEFORE], { cwd: rootfs });
    const before = readdirSync(rootfs);
    const flags = [...SYNC, `--vm-block-fs=${format}`];
    const inside = await runtime.call(["run", ...flags, "--bundle", dir, runtime.id()]);
    expect({ ...inside, stdout: "" }).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(listed(rootfs)).toBe(inside.stdout);
    // Neither mount points nor what is mounted there.
    expect(readdirSync(rootfs)).toEqual(before);
    expect(readFileSync(join(volume, "x"), "utf8")).toBe("volume\n");
    expect(statSync(join(rootfs, "w/sparse")).blocks).toBeLessThan(1024);

    // A second container begins where the first has ended; it changes nothing.
    await bundle.edit((config) => {
      (config["process"] as { args: string[] }).args = ["sh", "-c", `cd /w; ${LIST}`];
    });
    const { ctimeMs } = statSync(rootfs);
    const id = runtime.id();
    const again = await runtime.call(["run", "--keep", ...flags, "--bundle", dir, id]);
    expect(again).toEqual({ ...inside, stderr: "" });
    const state = JSON.parse(await runtime.ok(["state", id])) as unknown;
    expect(state).toMatchObject({ copiedBack: { files: 0, bytes: 0, deleted: 0, failed: 0 } });
    // So that its image serves the next one too.
    expect(statSync(rootfs).ctimeMs).toBe(ctimeMs);
  });
});

function listed(rootfs: string): string {
  const busybox = join(rootfs, "bin/busybox");
  return execFileSync(busybox, ["sh", "-c", LIST], {
    cwd: join(rootfs, "w"),
    encoding: "utf8",
    env: { PATH: join(rootfs, "bin") },
  });
}

describe("a guest that dies while it copies", () => {
  it("leaves old files or new ones, a warning, and the container's own status", async () => {
    const script = "dd if=/dev/zero of=/big bs=1M count=256 2>/dev/null; echo new >/zz; exit 7";
    const { dir, rootfs } = await runtime.bundle({ args: ["sh", "-c", script], files: { "/big": "old" } });
    const id = runtime.id();
    const watcher = watch(rootfs, () => {
      if (!existsSync(join(rootfs, ".nk-sync"))) return;
      watcher.close();
      process.kill(vmmPid(id), "SIGKILL");
    });
    const result = await runtime.call(["run", "--vm-memory=512", ...SYNC, "--bundle", dir, id]);
    expect(result.code).toBe(7);
    expect(result.stderr).toContain(
      `warning: --vm-sync: not all that container ${id} changed is in ${rootfs}`,
    );
    expectOneLine(result.stderr);
    expect(["old", Buffer.alloc(256 * 1024 ** 2).toString("latin1")]).toContain(
      readFileSync(join(rootfs, "big"), "latin1"),
    );
    expect(existsSync(join(rootfs, ".nk-sync"))).toBe(false);
  });
});

function vmmPid(id: string): number {
  const { vm } = JSON.parse(readFileSync(join(runtime.root, id, "state.json"), "utf8")) as {
    vm: { vmmPid: number };
  };
  return vm.vmmPid;
}

describe("delete --force", () => {
  it("of a container that runs copies nothing back", async () => {
    const { dir, rootfs } = await runtime.bundle({ args: ["sh", "-c", "echo x >/x; sleep 1000000"] });
    const id = runtime.id();
    await runtime.detached(["run", "-d", ...SYNC, "--bundle", dir, id]);
    await runtime.ok(["exec", id, "sh", "-c", "until [ -e /x ]; do sleep 0.1; done"]);
    await runtime.ok(["delete", "--force", id]);
    expect(existsSync(join(rootfs, "x"))).toBe(false);
  });
});

describe("without a disk", () => {
  it("is refused: the files are the host's own", async () => {
    const { dir } = await runtime.bundle();
    const flags = ["--mode=vm", "--vm-sync", "--vm-share=virtiofs"];
    const result = await runtime.call(["run", ...flags, "--bundle", dir, runtime.id()]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/expected --vm-share=block, found --vm-share=virtiofs/);
    const machine = await runtime.call(["vm-create", "--vm-sync", runtime.id()]);
    expect(machine.stderr).toMatch(/a VM made by hand has none: leave it out/);
  });
});
