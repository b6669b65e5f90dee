import type { Duplex } from "node:stream";
import type { MachineConfig } from "../resources/machine-config.ts";
import type { Vsock } from "../resources/vsock.ts";

export interface GuestDrive {
  id: string;
  path: string;
  readOnly: boolean;
}

export interface GuestCard {
  id: string;
  /** Null: any. */
  mac: string | null;
  /** A descriptor of ours, of its tap. */
  fd: number;
}

/** What a guest is made of. */
export interface GuestHardware {
  machine: MachineConfig;
  kernel: string;
  initrd: string | null;
  /** With what Firecracker adds to it. */
  cmdline: string;
  drives: readonly GuestDrive[];
  cards: readonly GuestCard[];
  vsock: Vsock | undefined;
  /** Where the serial port writes. */
  console: (text: Buffer) => void;
}

/** How a guest's CPUs stop: it restarts, its kernel panics (and restarts), it switches off. */
export type GuestEnd = "reboot" | "panic" | "poweroff";

/**
 * What runs in the VM. `start` resolves when its CPUs run. `ended` settles once: with an end of the guest, or rejects with what broke.
 */
export interface Guest {
  /** Whether a snapshot can be made of it. */
  readonly canBeSaved: boolean;
  readonly ended: Promise<GuestEnd>;
  start(hardware: GuestHardware): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** A connection of the host to a port of the guest. */
  connect(port: number): Promise<Duplex | undefined>;
  /** The drive has another file. */
  replaceDrive(drive: GuestDrive): Promise<void>;
  ctrlAltDel(): void;
}
