import type { GuestMountRequest } from "../../agent/agent-client.ts";
import { UPPER_DIR, WORK_DIR } from "../../image/disk-build.ts";
import type { RootLayout } from "../../image/root-disks.ts";

const IMAGE = "/run/nk/image";
const WRITTEN = "/run/nk/written";

/** noinit_itable: the kernel would fill tables that nobody needs. discard: what is deleted takes no more room on the host. */
const EXT4_OPTIONS = "noinit_itable,discard";

const OVERLAY_OPTIONS = [
  `lowerdir=${IMAGE}`,
  `upperdir=${WRITTEN}/${UPPER_DIR}`,
  `workdir=${WRITTEN}/${WORK_DIR}`,
  "redirect_dir=on", // otherwise a folder of the image cannot be renamed (EXDEV)
  "index=on", // otherwise a file that is written to loses its hard links
].join(",");

/** The upper side of the overlay that a root with this layout is; undefined: it is none. */
export function upperFolder({ format, slots }: RootLayout): string | undefined {
  return format === "erofs" && slots.length > 1 ? `${WRITTEN}/${UPPER_DIR}` : undefined;
}

/** The mounts, in order, that make a container's root file system of its disks. */
export function rootMounts(
  { format, slots }: RootLayout,
  target: string,
): [GuestMountRequest, ...GuestMountRequest[]] {
  const [first = "", second = ""] = slots.map((_, index) => `/dev/vd${String.fromCharCode(97 + index)}`);
  if (format === "ext4") return [{ target, fstype: "ext4", source: first, options: EXT4_OPTIONS }];
  const flags = ["ro"];
  if (slots.length === 1) return [{ target, fstype: "erofs", source: first, options: "", flags }];
  return [
    { target: IMAGE, fstype: "erofs", source: first, options: "", flags },
    { target: WRITTEN, fstype: "ext4", source: second, options: EXT4_OPTIONS },
    { target, fstype: "overlay", source: "overlay", options: OVERLAY_OPTIONS },
  ];
}
