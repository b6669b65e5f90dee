import { readFileSync, readdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cache, flagsOf, runtime, useDisks, volume } from "./block-rig.ts";
import { kernels } from "./runtime.ts";

/** A root file system on a disk of the guest: `--vm-share=block`. What such a disk has in it is looked at in tree.test.ts. */
useDisks();

/** A second container of one bundle. */
async function start(dir: string, flags: string[]): Promise<string> {
  const id = runtime.id();
  await runtime.detached(["run", "-d", "--mode=vm", ...flags, "--bundle", dir, id]);
  return id;
}

const inside = (id: string, script: string): Promise<string> => runtime.ok(["exec", id, "sh", "-c", script]);

describe.each(["ext4", "erofs"])("a root on %s", (format) => {
  const flags = flagsOf(format);
  const imagesNow = (): string[] => readdirSync(cache).filter((name) => name.endsWith(format));

  it("is the container's own: neither the host nor another container of the image sees its writes", async () => {
    const { dir, rootfs } = await runtime.bundle({
      args: ["sleep", "1000000"],
      files: { "/etc/thing": "from the image", "/etc/other": "from the image" },
      mounts: [
        { destination: "/data/deep", type: "bind", source: volume, options: ["rbind"] },
        { destination: "/etc/one", type: "bind", source: join(volume, "file"), options: ["bind", "ro"] },
      ],
    });
    writeFileSync(join(volume, "file"), "one file");
    const before = readdirSync(rootfs);
    const first = await start(dir, flags);
    await settled();
    const second = await start(dir, flags);

    await inside(first, "echo mine >/etc/thing; echo new >/new; rm /etc/other; mkdir /a && mv /var /a/var");
    expect(await inside(first, "cat /etc/thing /new; ls -d /a/var; ls /etc/other 2>&1; true")).toBe(
      "mine\nnew\n/a/var\nls: /etc/other: No such file or directory\n",
    );
    expect(await inside(second, "cat /etc/thing /etc/other; ls -d /new /var 2>&1; true")).toBe(
      "from the imagefrom the imagels: /new: No such file or directory\n/var\n",
    );
    expect(await runtime.ok(["vm-stats", first])).toMatch(
      /^disk vda: [1-9]\d*\.\d MiB read in [1-9]\d* requests, /m,
    );
    expect(readdirSync(rootfs)).toEqual(before);
    expect(readFileSync(join(rootfs, "etc/thing"), "utf8")).toBe("from the image");

    // Bind mounts are the host's, live and both ways, and nothing else of the host is there.
    expect(await inside(first, "cat /etc/one /data/deep/file; echo no >/etc/one || echo refused")).toContain(
      "one fileone filerefused",
    );
    await inside(first, "echo from the guest >/data/deep/out");
    expect(readFileSync(join(volume, "out"), "utf8")).toBe("from the guest\n");
    writeFileSync(join(volume, "in"), "later");
    expect(await inside(second, "cat /data/deep/in /data/deep/out")).toBe("laterfrom the guest\n");

    const { vm } = JSON.parse(readFileSync(join(runtime.root, first, "state.json"), "utf8")) as {
      vm: Record<string, unknown>;
    };
    expect(vm).toMatchObject({ share: "block", blockFs: format });
    for (const id of [first, second]) await runtime.ok(["delete", "--force", id]);
    expect(imagesNow().length).toBeLessThanOrEqual(1);
  });

  it("is made anew when the root file system has changed", async () => {
    const { dir, rootfs } = await runtime.bundle({ args: ["cat", "/etc/passwd"] });
    const run = (): Promise<string> =>
      runtime.ok(["run", "--mode=vm", ...flags, "--bundle", dir, runtime.id()]);
    await settled();
    await run();
    expect(imagesNow().length).toBe(1);
    const text = readFileSync(join(rootfs, "etc/passwd"), "utf8");
    writeFileSync(join(rootfs, "etc/passwd"), text.replace("root:x", "toor:x"));
    expect(await run()).toBe(text.replace("root:x", "toor:x"));
  });

  it("is read-only when config.json says so, and has its volumes", async () => {
    const mounts = [
      { destination: "/data", type: "bind", source: volume, options: ["rbind"] },
      { destination: "/made/for/this", type: "tmpfs" },
    ];
    const script = "echo x >/data/x && echo y >/made/for/this/y && echo both; echo z >/z";
    const result = await runtime.run({ args: ["sh", "-c", script], readonlyRoot: true, mounts }, flags);
    expect(result.stdout).toBe("both\n");
    expect(result.stderr).toContain("can't create /z: Read-only file system");
    expect(readFileSync(join(volume, "x"), "utf8")).toBe("x\n");
  });

  it("has an end, which the container is told, and gives back to the host what is deleted", async () => {
    const id = await runtime.background({}, flags);
    const emptyMib = writtenMib(id);
    expect(emptyMib).toBeLessThan(20);
    await inside(id, "dd if=/dev/urandom of=/data bs=1M count=64 2>/dev/null; sync");
    expect(writtenMib(id)).toBeGreaterThanOrEqual(64);
    await inside(id, "rm /data; sync");
    expect(writtenMib(id)).toBeLessThan(emptyMib + 20);

    // What is reserved is not written, so this costs the host nothing.
    expect(await inside(id, "fallocate -l 9G /big; fallocate -l 9G /rest 2>&1; true")).toMatch(
      /No space left/,
    );
    expect(await inside(id, "dd if=/dev/zero of=/x bs=1M count=64 2>&1; true")).toMatch(/No space left/);
    expect(await inside(id, "rm /big /rest /x; echo again >/again; cat /again")).toBe("again\n");
    await runtime.ok(["delete", "--force", id]);
  });
});

/** "" for a descriptor that was closed meanwhile: a connection of a command that has ended. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** What the container's disk takes on the host: a file without a name that its monitor holds. */
function writtenMib(id: string): number {
  const { vm } = JSON.parse(readFileSync(join(runtime.root, id, "state.json"), "utf8")) as {
    vm: { monitorPid: number };
  };
  const fds = `/proc/${vm.monitorPid}/fd`;
  const disks = readdirSync(fds).filter((fd) => {
    const file = linkOf(join(fds, fd));
    return file.startsWith(cache) && file.endsWith("/image (deleted)");
  });
  expect(disks.length).toBe(1);
  return (statSync(join(fds, disks[0] ?? "")).blocks * 512) / 1024 ** 2;
}

describe.each(kernels())("with the kernel %s and no bind mounts", (_name, kernel) => {
  it("needs no share: neither a server nor a device", async () => {
    const id = await runtime.background({}, ["--vm-share=block", kernel]);
    expect(await inside(id, "grep -c -E 'virtiofs|9p' /proc/mounts || true")).toBe("0\n");
    const trace = readFileSync(join(runtime.root, id, "trace.jsonl"), "utf8");
    expect(trace).toContain("virtio-blk-device");
    expect(trace).not.toMatch(/virtiofsd|-fsdev/);
    await runtime.ok(["delete", "--force", id]);
  });
});

/** Until then the kernel may give a later change of the same file the same time: such an image is not kept. */
async function settled(): Promise<void> {
  const end = process.hrtime.bigint() + 150_000_000n;
  while (process.hrtime.bigint() < end) await new Promise(setImmediate);
}
