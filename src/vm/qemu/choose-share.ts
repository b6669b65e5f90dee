import { existsSync } from "node:fs";
import { NkError } from "../../base/errors.ts";
import { requireDiod } from "../../share/diod.ts";
import { CHOOSE_SHARE, type ShareKind } from "../../share/share.ts";
import { findVirtiofsd, requireVirtiofsd } from "../../share/virtiofs.ts";
import type { Volumes } from "../volumes.ts";
import { VHOST_VSOCK } from "./share-device.ts";

/**
 * How folders reach a guest. `auto` is virtiofs where a server is installed, because sockets, fifos and devices work on it; 9p, which needs nothing but QEMU,
 * otherwise. Whether the guest's kernel has the driver of what was asked for is `kernelNeeds`'s.
 * @throws UNSUPPORTED when the server or the host's device is missing, or the guest's kernel has no driver at all
 */
export function chooseVolumes(want: ShareKind | "auto", supported: readonly ShareKind[]): Volumes {
  const kind = want === "auto" ? autoShare(supported) : want;
  if (kind === undefined && !supported.includes("virtiofs")) throw noDriver(supported);
  if (kind === "9p") return { volumes: kind };
  if (kind === "9p-vsock") {
    const server = requireDiod();
    checkVhostVsock();
    return { volumes: kind, server };
  }
  return { volumes: "virtiofs", server: requireVirtiofsd().path };
}

/** What `auto` is; undefined: this host and the guest's kernel have no share. */
export function autoShare(supported: readonly ShareKind[]): "virtiofs" | "9p" | undefined {
  if (findVirtiofsd() !== null && supported.includes("virtiofs")) return "virtiofs";
  return supported.includes("9p") ? "9p" : undefined;
}

/** @throws UNSUPPORTED when this host cannot give a guest of QEMU a vsock device */
function checkVhostVsock(): void {
  if (existsSync(VHOST_VSOCK)) return;
  throw new NkError(
    "UNSUPPORTED",
    `the share 9p-vsock needs ${VHOST_VSOCK} on QEMU, and it is not there: modprobe vhost_vsock, or use --vm-share=auto`,
    { phase: CHOOSE_SHARE },
  );
}

function noDriver(supported: readonly ShareKind[]): NkError {
  const has = supported.length === 0 ? "no share at all" : supported.join(", ");
  return new NkError(
    "UNSUPPORTED",
    `the guest's kernel cannot mount virtiofs: it has drivers for ${has}; ` +
      "use --vm-share=auto, or a kernel that has it (scripts/build-kernel.sh makes one with both)",
    { phase: CHOOSE_SHARE },
  );
}
