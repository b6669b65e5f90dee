import { NkError } from "../base/errors.ts";
import type { BoundedLog } from "../host/bounded-log.ts";
import { ninePShare } from "./nine-p.ts";
import { findDiod } from "./diod.ts";
import { checkVhostVsock, NinePVsockShare, noDiod } from "./nine-p-vsock.ts";
import { CHOOSE_SHARE, type HostFolder, type Share, type ShareKind } from "./share.ts";
import { findVirtiofsd, VirtiofsShare, type Virtiofsd } from "./virtiofs.ts";

/** What serves shares on this host. */
export interface Servers {
  virtiofsd: Virtiofsd | null;
  diod: string | null;
}

export interface ShareRequest {
  want: ShareKind | "auto";
  /** What the guest's kernel can mount; undefined: not known, assume all. */
  supported: readonly ShareKind[] | undefined;
  folder: HostFolder;
  stateDir: string;
  log: BoundedLog;
}

/**
 * The share of a VM on QEMU. `auto` is virtiofs where a server is installed, because sockets, fifos and devices work on it; 9p, which needs
 * nothing but QEMU, otherwise; never 9p-vsock, which is slower than both. Numbers and reasons: docs/decisions/0003-share-choice.md.
 * @throws UNSUPPORTED when the server is missing or the guest's kernel lacks the driver.
 */
export function chooseShare(request: ShareRequest, servers = findServers()): Share {
  const { folder, stateDir, log } = request;
  const kind = shareKind(request, servers);
  if (kind === "9p") return ninePShare(folder);
  const { virtiofsd, diod } = servers;
  if (kind === "9p-vsock") {
    if (diod === null) throw noDiod();
    return NinePVsockShare.overVhost(diod, folder, log);
  }
  if (virtiofsd === null) throw noServer();
  return new VirtiofsShare(virtiofsd, folder, stateDir, log);
}

/** What `chooseShare` will take, without making anything. */
export function shareKind(
  { want, supported = ["virtiofs", "9p", "9p-vsock"] }: Pick<ShareRequest, "want" | "supported">,
  { virtiofsd, diod }: Servers = findServers(),
): ShareKind {
  if (want !== "auto") {
    if (!supported.includes(want)) throw noDriver(want, supported);
    if (want === "virtiofs" && virtiofsd === null) throw noServer();
    if (want === "9p-vsock" && diod === null) throw noDiod();
    if (want === "9p-vsock") checkVhostVsock();
    return want;
  }
  const kind = autoShare(supported, virtiofsd);
  if (kind !== undefined) return kind;
  throw supported.includes("virtiofs") ? noServer() : noDriver("virtiofs", supported);
}

/** What `auto` is on QEMU; undefined: this host and the guest's kernel have no share. @param virtiofsd the server that is installed */
export function autoShare(
  supported: readonly ShareKind[],
  virtiofsd = findVirtiofsd(),
): "virtiofs" | "9p" | undefined {
  if (virtiofsd !== null && supported.includes("virtiofs")) return "virtiofs";
  return supported.includes("9p") ? "9p" : undefined;
}

/** The server of a VMM that has no other share than 9p-vsock. @throws UNSUPPORTED as `chooseShare` */
export function requireDiod(supported: readonly ShareKind[] | undefined): string {
  if (supported !== undefined && !supported.includes("9p-vsock")) throw noDriver("9p-vsock", supported);
  const diod = findDiod();
  if (diod === null) throw noDiod();
  return diod;
}

function findServers(): Servers {
  return { virtiofsd: findVirtiofsd(), diod: findDiod() };
}

function noServer(): NkError {
  return new NkError(
    "UNSUPPORTED",
    "the share virtiofs needs virtiofsd, and none was found: install it " +
      "(Debian 12: qemu-system-common; later and elsewhere: virtiofsd), or use the share 9p, for which scripts/build-kernel.sh makes a kernel",
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
