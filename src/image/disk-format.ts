import { NkError } from "../base/errors.ts";
import { describeLack } from "./kernel-features.ts";
import type { FeatureName, Lack } from "./kernel-features.ts";
import type { TreeScan } from "./tree-scan.ts";

/** File systems of disk images. Best first: an erofs image is shared by all containers of a tree, an ext4 image is copied for each. */
const FORMATS = ["erofs", "ext4"] as const;
export type DiskFormat = (typeof FORMATS)[number];

/** What a kernel needs for each; for erofs all that a writable root over it needs. */
const NEEDED: Record<DiskFormat, readonly FeatureName[]> = {
  erofs: ["virtio-blk", "erofs", "overlay", "ext4"],
  ext4: ["virtio-blk", "ext4"],
};

/** `mkfs.erofs` 1.5 makes no holes: more than this would be zeros on the host's disk. */
const MAX_EROFS_HOLE_BYTES = 1024 ** 3;
/** `mkfs.erofs` 1.5 cuts a name of 255 bytes and then does not find the file. */
const MAX_EROFS_NAME_BYTES = 254;
/** `mkfs.ext4 -d` writes 32 bits of each time: a later one would be of the past. */
const EXT4_LAST_S = 2 ** 31 - 1;
const EXT4_FIRST_S = -(2 ** 31);

/** The formats that a kernel can mount, as far as one can tell. */
export function diskFormatsOf({ lacks }: { lacks: readonly Lack[] }): DiskFormat[] {
  return FORMATS.filter((format) => !lacks.some(({ feature }) => NEEDED[format].includes(feature)));
}

/** What makes an image of this tree in a format another tree; undefined when nothing does. */
function misfit(format: DiskFormat, scan: TreeScan): string | undefined {
  if (format === "ext4") {
    if (scan.newestS <= EXT4_LAST_S && scan.oldestS >= EXT4_FIRST_S) return undefined;
    return "mkfs.ext4 keeps no times before 1901 or after 2038, and a file has one";
  }
  if (scan.longestNameBytes > MAX_EROFS_NAME_BYTES) {
    return `mkfs.erofs takes names of at most ${MAX_EROFS_NAME_BYTES} bytes, and a file has ${scan.longestNameBytes}`;
  }
  if (scan.holeBytes > MAX_EROFS_HOLE_BYTES) {
    return `mkfs.erofs writes holes as zeros, and the files have ${Math.round(scan.holeBytes / 1024 ** 2)} MiB of them`;
  }
  return undefined;
}

export interface FormatChoice {
  format: DiskFormat;
  /** Why not a better one, for people. */
  passedOver: string[];
}

/**
 * The best format that can hold this tree.
 * @param obstacle why the host cannot make a format, undefined when it can
 * @throws UNSUPPORTED with the reason of each when there is none.
 */
export function chooseFormat(
  want: DiskFormat | "auto",
  kernel: { lacks: readonly Lack[] },
  scan: TreeScan,
  obstacle: (format: DiskFormat) => string | undefined,
): FormatChoice {
  const wanted = want === "auto" ? FORMATS : [want];
  const reasons: string[] = [];
  for (const format of wanted) {
    const lack = kernel.lacks.find(({ feature }) => NEEDED[format].includes(feature));
    const reason =
      (lack && `the guest's kernel ${describeLack(lack)}`) ?? misfit(format, scan) ?? obstacle(format);
    if (reason === undefined) return { format, passedOver: reasons };
    reasons.push(`${format}: ${reason}`);
  }
  throw new NkError("UNSUPPORTED", `no disk image can hold the root file system: ${reasons.join("; ")}`, {
    phase: "choose the disk's file system",
    see: `${want === "auto" ? "" : "--vm-block-fs=auto takes what can be had; "}--vm-share=virtiofs or 9p needs no image`,
  });
}
