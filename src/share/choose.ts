import { NkError } from "../base/errors.ts";
import type { BoundedLog } from "../host/bounded-log.ts";
import { ninePShare } from "./nine-p.ts";
import type { HostFolder, Share, ShareKind } from "./share.ts";
import { findVirtiofsd, VirtiofsShare, type Virtiofsd } from "./virtiofs.ts";

/** The phase of all errors here. */
export const CHOOSE_SHARE = "choose the share";

export interface ShareRequest {
  want: ShareKind | "auto";
  /** What the guest's kernel can mount; undefined: not known, assume all. */
  supported: readonly ShareKind[] | undefined;
  folder: HostFolder;
  stateDir: string;
  log: BoundedLog;
}

/**
 * `auto` is virtiofs where a server is installed, because sockets, fifos and devices work on it; 9p, which needs
 * nothing but QEMU, otherwise. Numbers and reasons: docs/decisions/0003-share-choice.md.
 * @throws UNSUPPORTED when the server is missing or the guest's kernel lacks the driver.
 */
export function chooseShare(request: ShareRequest, server = findVirtiofsd()): Share {
  if (shareKind(request, server) === "9p") return ninePShare(request.folder);
  if (server === null) throw noServer();
  return new VirtiofsShare(server, request.folder, request.stateDir, request.log);
}

/** What `chooseShare` will take, without making anything. */
export function shareKind(
  { want, supported = ["virtiofs", "9p"] }: Pick<ShareRequest, "want" | "supported">,
  server: Virtiofsd | null = findVirtiofsd(),
): ShareKind {
  if (want !== "auto") {
    if (!supported.includes(want)) throw noDriver(want, supported);
    if (want === "virtiofs" && server === null) throw noServer();
    return want;
  }
  if (server !== null && supported.includes("virtiofs")) return "virtiofs";
  if (supported.includes("9p")) return "9p";
  throw supported.includes("virtiofs") ? noServer() : noDriver("virtiofs", supported);
}

function noServer(): NkError {
  return new NkError(
    "UNSUPPORTED",
    "the share virtiofs needs virtiofsd, and none was found: install it " +
      "(Debian 12: qemu-system-common; later and elsewhere: virtiofsd), or use the share 9p",
    { phase: CHOOSE_SHARE },
  );
}

function noDriver(want: ShareKind, supported: readonly ShareKind[]): NkError {
  const has = supported.length === 0 ? "no share at all" : supported.join(", ");
  return new NkError(
    "UNSUPPORTED",
    `the guest's kernel cannot mount ${want}: it has drivers for ${has}; ` +
      "use --vm-share=auto, or a kernel that has it (scripts/build-kernel.sh makes one with both)",
    { phase: CHOOSE_SHARE },
  );
}
