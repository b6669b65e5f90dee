import type { GuestImage } from "../../image/guest-image.ts";
import type { KernelImage } from "../../image/kernel.ts";
import type { Wish } from "../driver.ts";

/** A guest image that nobody boots. */
export function imageWith(shares: KernelImage["shares"]): GuestImage {
  const kernel = {
    path: "/vmlinux",
    file: "/vmlinux",
    format: "elf",
    release: "6.1",
    shares,
    lacks: [],
  } as const;
  return { kernel, initrd: "/initrd" };
}

/** For one container without bind mounts, with all settings as they are by default. */
export function wishFor(changes: Partial<Wish> = {}, shares: KernelImage["shares"] = []): Wish {
  return {
    isNamed: true,
    vcpus: 1,
    memSizeMib: 512,
    accel: "auto",
    jailer: "off",
    confine: "on",
    root: "auto",
    volumes: "auto",
    needsVolumes: false,
    debug: false,
    image: () => Promise.resolve(imageWith(shares)),
    ...changes,
  };
}
