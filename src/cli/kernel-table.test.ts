import { expect, it } from "vitest";
import type { KernelEntry } from "../image/kernel-list.ts";
import { kernelJson, kernelTable } from "./kernel-table.ts";

const ENTRIES: KernelEntry[] = [
  {
    name: "vmlinux-6",
    path: "/image/kernels/vmlinux-6",
    isDefault: true,
    kernel: {
      path: "/image/kernels/vmlinux-6",
      format: "elf",
      release: "6.1-nk",
      sizeBytes: 20 * 1024 * 1024,
      modules: undefined,
      configSource: "built in",
      lacks: [
        { feature: "9p", options: ["CONFIG_NET_9P_VIRTIO"] },
        { feature: "9p-vsock", options: ["CONFIG_NET_9P_FD"] },
      ],
      isOpaque: false,
      vmlinux: undefined,
    },
  },
  { name: "junk", path: "/other/kernels/junk", isDefault: false, kernel: { problem: "it is not a kernel" } },
];

it("has a table for each folder, with the default marked and what a kernel lacks", () => {
  expect(kernelTable(ENTRIES)).toBe(`/image/kernels
  NAME       RELEASE  FORMAT  SIZE      SHARES    DISKS        MODULES
* vmlinux-6  6.1-nk   ELF     20.0 MiB  virtiofs  erofs, ext4  none needed
    cannot mount the share 9p (CONFIG_NET_9P_VIRTIO), cannot mount the share 9p-vsock (CONFIG_NET_9P_FD)

/other/kernels
  NAME       RELEASE  FORMAT  SIZE      SHARES    DISKS        MODULES
  junk
    cannot be used: it is not a kernel

* is booted by default
`);
});

it("is JSON for programs", () => {
  expect(ENTRIES.map(kernelJson)).toEqual([
    {
      name: "vmlinux-6",
      path: "/image/kernels/vmlinux-6",
      default: true,
      release: "6.1-nk",
      format: "elf",
      sizeBytes: 20971520,
      shares: ["virtiofs"],
      disks: ["erofs", "ext4"],
      modules: null,
      config: "built in",
      lacks: [
        { feature: "9p", options: ["CONFIG_NET_9P_VIRTIO"] },
        { feature: "9p-vsock", options: ["CONFIG_NET_9P_FD"] },
      ],
    },
    { name: "junk", path: "/other/kernels/junk", default: false, problem: "it is not a kernel" },
  ]);
});
