import type { Deadline } from "../base/deadline.ts";
import type { BoundedLog } from "../host/bounded-log.ts";
import { DiodServer } from "./diod.ts";
import {
  EXPORTED_TREE,
  type Door,
  type GuestMount,
  type HostFolder,
  type Share,
  type Transport,
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

/**
 * 9p2000.L over a vsock connection, served by diod: the only live folders on a VMM that has no device for them. The server
 * is confined to the tree (docs/decisions/0009).
 */
export class NinePVsockShare implements Share {
  readonly kind = "9p-vsock";
  readonly transport: Transport;
  readonly failed: Promise<Error>;
  private readonly server: DiodServer;
  private port: number | undefined;

  /** @param door where the guest's connection arrives. A socket file of it is removed by whoever named it. */
  constructor(diod: string, folder: HostFolder, log: BoundedLog, door: Door) {
    this.server = new DiodServer(diod, folder.shadowPid, door, log);
    this.failed = this.server.failed;
    this.transport = { kind: "vsock", door };
  }

  get mount(): GuestMount {
    const mount = { fstype: "9p", source: "none", options: NINE_P_VSOCK_OPTIONS } as const;
    return this.port === undefined ? mount : { ...mount, vsockPort: this.port };
  }

  async start(deadline: Deadline): Promise<void> {
    this.port = await this.server.start(deadline);
  }

  close(): Promise<void> {
    return this.server.close();
  }
}
