import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { staticProgram } from "../fixtures/static-program.ts";
import { kernels, Runtime } from "./runtime.ts";

/** What engines of containers ask a kernel for, from inside of a container: built in, or a module that comes when it is asked for. */
let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime();
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

describe.each(kernels())("in a container on the kernel %s", (_name, kernel) => {
  it("there are pairs of interfaces, bridges, tunnels and a packet filter", async () => {
    const script = [
      "ip link add one type veth",
      "ip link add two type bridge",
      "ip link | grep -o -E '^[0-9]+: (one|two)' | cut -d' ' -f2",
      "mkdir -p /dev/net && mknod /dev/net/tun c 10 200 && : </dev/net/tun && echo tun",
      "/nested-probe && echo table",
    ].join("; ");
    const bundle = await runtime.bundle({
      args: ["sh", "-c", script],
      capabilities: ["CAP_NET_ADMIN", "CAP_MKNOD", "CAP_DAC_OVERRIDE"],
      linux: { resources: { devices: [{ allow: true, access: "rwm" }] } },
    });
    copyFileSync(staticProgram("nested-probe"), join(bundle.rootfs, "nested-probe"));
    const { stdout, stderr } = await runtime.runAgain(bundle.dir, [kernel]);
    expect({ stdout, stderr }).toEqual({ stdout: "one\ntwo\ntun\ntable\n", stderr: "" });
  });

  it("there are loop devices, file systems for images, and those of programs", async () => {
    const script = [
      "truncate -s 8M /disk && mkdosfs /disk",
      "mount -t vfat -o loop /disk /mnt && echo kept >/mnt/Name && umount /mnt",
      "mount -t vfat -o loop,ro /disk /mnt && cat /mnt/Name && umount /mnt",
      // No image of theirs: the mount fails, and the kernel has loaded what it would need.
      "for type in squashfs iso9660; do mount -t $type -o loop /disk /mnt 2>/dev/null; grep -o -w $type /proc/filesystems; done",
      ": <>/dev/fuse && echo fuse",
    ].join("; ");
    const bundle = await runtime.bundle({
      args: ["sh", "-c", script],
      capabilities: ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"],
      files: { "mnt/.keep": "" },
      linux: {
        devices: [
          { path: "/dev/fuse", type: "c", major: 10, minor: 229 },
          { path: "/dev/loop-control", type: "c", major: 10, minor: 237 },
          { path: "/dev/loop0", type: "b", major: 7, minor: 0 },
        ],
        resources: { devices: [{ allow: true, access: "rwm" }] },
      },
    });
    const { stdout, stderr } = await runtime.runAgain(bundle.dir, [kernel]);
    expect({ stdout, stderr }).toEqual({ stdout: "kept\nsquashfs\niso9660\nfuse\n", stderr: "" });
  });
});
