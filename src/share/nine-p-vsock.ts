import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import type { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import type { BoundedLog } from "../host/bounded-log.ts";
import { DiodServer, type Door } from "./diod.ts";
import {
  CHOOSE_SHARE,
  EXPORTED_TREE,
  type GuestMount,
  type HostFolder,
  type QemuSide,
  type Share,
} from "./share.ts";

/** The most that diod takes (diod 1.0.24, ops.c); the kernel's client takes what both can do. */
const MSIZE_BYTES = 65_536;

/** Of the mount in the guest. */
export const NINE_P_VSOCK_OPTIONS = [
  "trans=fd", // the agent adds the descriptors
  "version=9p2000.L",
  `msize=${MSIZE_BYTES}`,
  `aname=${EXPORTED_TREE}`,
  "uname=root", // the first user of a connection: with it diod leaves permissions to the guest (np_attach, np_setfsid)
  "access=client", // as in nine-p.ts; the server acts for the user who asks, so owners are right
  "posixacl", // as in nine-p.ts
  "cache=mmap", // as in nine-p.ts
].join(",");

/** Where QEMU gives the host's kernel the guest's end of vsock. */
export const VHOST_VSOCK = "/dev/vhost-vsock";

/** CIDs below are reserved (vsock(7)); QEMU takes 32 bits, of which all ones stand for "any". */
const MIN_CID = 3;
const END_CID = 0xffffffff;

/**
 * 9p2000.L over a vsock connection, served by diod: the only live folders on a VMM that has no device for them. The server
 * is confined to the tree (docs/decisions/0009).
 */
export class NinePVsockShare implements Share {
  readonly kind = "9p-vsock";
  readonly needsSharedMemory = false;
  readonly qemu: QemuSide;
  readonly failed: Promise<Error>;
  private readonly server: DiodServer;
  private port: number | undefined;

  private constructor(diod: string, folder: HostFolder, log: BoundedLog, door: Door, qemu: QemuSide) {
    this.server = new DiodServer(diod, folder.shadowPid, door, log);
    this.failed = this.server.failed;
    this.qemu = qemu;
  }

  /** For QEMU, with a vsock device of the host's kernel; it needs /dev/vhost-vsock. */
  static overVhost(diod: string, folder: HostFolder, log: BoundedLog): NinePVsockShare {
    const cid = randomInt(MIN_CID, END_CID); // unique on the host; QEMU says so if it is not
    const args = ["-device", `vhost-vsock-device,guest-cid=${cid}`];
    return new NinePVsockShare(diod, folder, log, { kind: "vsock", cid }, { args, devices: [VHOST_VSOCK] });
  }

  /**
   * For a VMM that connects to a Unix socket when its guest connects to `port` (Firecracker: `<uds_path>_<port>`). `start` is to be
   * called before the guest runs; the socket goes to `owner`, the user of the VMM, and whoever named it removes it.
   */
  static overUnix(
    diod: string,
    folder: HostFolder,
    log: BoundedLog,
    socket: { path: string; port: number; uid: number; gid: number },
  ): NinePVsockShare {
    const { path, port, uid, gid } = socket;
    const share = new NinePVsockShare(diod, folder, log, { kind: "unix", path, uid, gid }, { args: [] });
    share.port = port;
    return share;
  }

  /** Without a port before `start`, on QEMU. */
  get guestMount(): GuestMount {
    const mount = { fstype: "9p", source: "none", options: NINE_P_VSOCK_OPTIONS } as const;
    return this.port === undefined ? mount : { ...mount, vsockPort: this.port };
  }

  async start(deadline: Deadline): Promise<void> {
    const port = await this.server.start(deadline);
    this.port ??= port;
  }

  close(): Promise<void> {
    return this.server.close();
  }
}

/** @throws UNSUPPORTED when this host cannot give a guest of QEMU a vsock device. */
export function checkVhostVsock(): void {
  if (existsSync(VHOST_VSOCK)) return;
  throw new NkError(
    "UNSUPPORTED",
    `the share 9p-vsock needs ${VHOST_VSOCK} on QEMU, and it is not there: modprobe vhost_vsock, or use --vm-share=auto`,
    { phase: CHOOSE_SHARE },
  );
}

export function noDiod(): NkError {
  return new NkError(
    "UNSUPPORTED",
    "the share 9p-vsock needs diod, and none was found: install it (Debian, Ubuntu: apt-get install diod)",
    { phase: CHOOSE_SHARE },
  );
}
