import { MOUNT_TAG, type HostFolder, type Share } from "./share.ts";

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

/** Served by the VMM itself: no daemon, no shared memory. Cannot make sockets, fifos and devices (docs/decisions/0003). */
export function ninePShare({ shadowPid }: HostFolder): Share {
  return {
    kind: "9p",
    transport: { kind: "virtio-9p", shadowPid },
    mount: { fstype: "9p", source: MOUNT_TAG, options: MOUNT_OPTIONS },
    failed: new Promise(() => {}),
    start: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
