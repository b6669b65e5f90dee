import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { NkError } from "../../base/errors.ts";
import type { BoundedLog } from "../../host/bounded-log.ts";
import { requireDiod } from "../../share/diod.ts";
import { requireGuestDriver } from "../../share/guest-driver.ts";
import { ninePShare } from "../../share/nine-p.ts";
import { NinePVsockShare } from "../../share/nine-p-vsock.ts";
import { CHOOSE_SHARE, type HostFolder, type Share, type ShareKind } from "../../share/share.ts";
import { findVirtiofsd, requireVirtiofsd, VirtiofsShare } from "../../share/virtiofs.ts";
import { VHOST_VSOCK } from "./share-device.ts";

export interface ShareRequest {
  want: ShareKind | "auto";
  /** What the guest's kernel can mount. */
  supported: readonly ShareKind[];
  folder: HostFolder;
  stateDir: string;
  log: BoundedLog;
}

/** CIDs below are reserved (vsock(7)); QEMU takes 32 bits, of which all ones stand for "any". */
const MIN_CID = 3;
const END_CID = 0xffffffff;

/** The share of a VM. @throws UNSUPPORTED as `shareKind` */
export function chooseShare(request: ShareRequest): Share {
  const { folder, stateDir, log } = request;
  const kind = shareKind(request);
  if (kind === "9p") return ninePShare(folder);
  if (kind === "virtiofs") return new VirtiofsShare(requireVirtiofsd(), folder, stateDir, log);
  const cid = randomInt(MIN_CID, END_CID); // unique on the host; QEMU says so if it is not
  return new NinePVsockShare(requireDiod(), folder, log, { kind: "vsock", cid });
}

/**
 * The kind of share that a VM gets. `auto` is virtiofs where a server is installed, because sockets, fifos and devices work on it; 9p, which needs
 * nothing but QEMU, otherwise; never 9p-vsock, which is slower than both. Numbers and reasons: docs/decisions/0003-share-choice.md.
 * @throws UNSUPPORTED when the server or the host's device is missing, or the guest's kernel lacks the driver
 */
export function shareKind({ want, supported }: Pick<ShareRequest, "want" | "supported">): ShareKind {
  const kind = want === "auto" ? (autoShare(supported) ?? "virtiofs") : want;
  requireGuestDriver(kind, supported);
  if (kind === "virtiofs") requireVirtiofsd();
  if (kind === "9p-vsock") {
    requireDiod();
    checkVhostVsock();
  }
  return kind;
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
