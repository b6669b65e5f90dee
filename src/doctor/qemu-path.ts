import { findQemu } from "../vm/qemu/detect.ts";

/** The QEMU that VM mode would take; undefined when there is none. */
export function qemuPath(): string | undefined {
  try {
    return findQemu().path;
  } catch {
    return undefined;
  }
}

export function mendQemu(): string {
  const install = "apt-get install qemu-system-x86";
  const named = process.env["NK_QEMU"];
  return named === undefined ? install : `NK_QEMU names ${named}: correct or unset it, or ${install}`;
}
