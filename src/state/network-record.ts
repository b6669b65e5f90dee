/** What a VM's network has of the host, for whoever shows it or takes it back. In the record of its container or VM. */
export type NetworkRecord = { kind: "none" } | TapRecord | NetnsRecord | { kind: "user"; publish: string[] };

export interface TapRecord {
  kind: "tap";
  bridge: string;
  /** Folder of the bridge's leases and of what the host had before. */
  folder: string;
  /** Name of the tap on the host. */
  tap: string;
  mac: string;
  /** With their prefix, "10.87.0.2/16". */
  addresses: string[];
  /** As people write them, "127.0.0.1:8080:80". */
  publish: string[];
}

export interface NetnsRecord {
  kind: "netns";
  /** Its path when the container was made; those of /proc are gone with their process. */
  netns: string;
  /** Inode of the namespace, which tells it from another at the same path. */
  inode: number;
  /** Name of the tap in it. */
  tap: string;
  /** Rules in it lead ports of its own addresses to the guest. */
  forwardsPorts?: boolean;
}
