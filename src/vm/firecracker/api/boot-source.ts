import type { Deadline } from "../../../base/deadline.ts";
import type { FirecrackerApi } from "./api.ts";

export interface BootSource {
  /** An uncompressed ELF image; from 1.17 on also a bzImage. Opened at once, but looked into at the start only. */
  kernel_image_path: string;
  initrd_path?: string;
  /** Instead of Firecracker's own command line, not added to it. At most 2047 bytes of printable ASCII with what Firecracker adds for its devices. */
  boot_args?: string;
}

/** PUT /boot-source, before the start. */
export function putBootSource(api: FirecrackerApi, source: BootSource, deadline: Deadline): Promise<void> {
  return api.put("/boot-source", source, "what the guest boots", deadline);
}
