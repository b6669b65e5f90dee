import { EXPORTED_TREE, MOUNT_TAG, type HostFolder, type Share } from "./share.ts";

/** Largest message: with 128 KiB a big file is read 3 times slower; QEMU takes up to about 512,000 (docs/decisions/0003). */
const MSIZE_BYTES = 512_000;

const MOUNT_OPTIONS = [
  "trans=virtio",
  "version=9p2000.L", // the dialect with Linux's own calls and error numbers
  `msize=${MSIZE_BYTES}`,
  "access=client", // the guest checks permissions as it does for any disk; the server runs as root
  "posixacl", // … those of access control lists too
  // `none` has no shared mappings (EINVAL), `loose` shows old content after the host changed a file
  "cache=mmap",
].join(",");

const ARGS = [
  "-fsdev",
  // passthrough: owners and modes are the host's own. remap: bind mounts of other file systems keep apart inodes.
  `local,id=share,path=${EXPORTED_TREE},security_model=passthrough,multidevs=remap`,
  "-device",
  `virtio-9p-device,fsdev=share,mount_tag=${MOUNT_TAG}`,
];

/** Served by QEMU itself: no daemon, no shared memory. Cannot make sockets, fifos and devices (docs/decisions/0003). */
export function ninePShare({ shadowPid }: HostFolder): Share {
  return {
    kind: "9p",
    guestMount: { fstype: "9p", source: MOUNT_TAG, options: MOUNT_OPTIONS },
    qemu: { args: ARGS, shadowPid },
    needsSharedMemory: false,
    failed: new Promise(() => {}),
    start: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
