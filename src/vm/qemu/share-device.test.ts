import { expect, test } from "vitest";
import { shareDevice, SHARE_FD } from "./share-device.ts";

test("a server of virtio-fs is reached by a descriptor, and maps the guest's memory", () => {
  expect(shareDevice({ kind: "virtio-fs", socket: "/state/fs.sock" })).toEqual({
    args: [
      "-chardev",
      `socket,id=share,fd=${SHARE_FD}`,
      "-device",
      "vhost-user-fs-device,chardev=share,tag=nkroot",
    ],
    sharedMemory: true,
    socket: "/state/fs.sock",
  });
});

test("QEMU serves 9p itself, so the tree is in its root", () => {
  const { args, ...needs } = shareDevice({ kind: "virtio-9p", shadowPid: 42 });
  expect(args.join(" ")).toBe(
    "-fsdev local,id=share,path=/tree,security_model=passthrough,multidevs=remap " +
      "-device virtio-9p-device,fsdev=share,mount_tag=nkroot",
  );
  expect(needs).toEqual({ sharedMemory: false, shadowPid: 42 });
});

test("vsock is the host kernel's, for one CID", () => {
  const { args, ...needs } = shareDevice({ kind: "vsock", door: { kind: "vsock", cid: 7 } });
  expect(args).toEqual(["-device", "vhost-vsock-device,guest-cid=7"]);
  expect(needs).toEqual({ sharedMemory: false, devices: ["/dev/vhost-vsock"] });
});

test("a Unix socket in the place of vsock is not for QEMU", () => {
  const door = { kind: "unix", path: "/s", port: 1, uid: 0, gid: 0 } as const;
  expect(() => shareDevice({ kind: "vsock", door })).toThrow(/makes no Unix sockets/);
});
