import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Card } from "../host/card.ts";
import type { GuestMount, HostFolder } from "../share/share.ts";
import type { StartedDaemons } from "../host/started-daemon.ts";
import type { PendingDisks } from "../image/root-disks.ts";
import type { Deadline } from "../base/deadline.ts";
import type { SettledShape } from "./shape.ts";
import type { VmmMetrics } from "./vmm-metrics.ts";

/**
 * The seam between a monitor and a VMM. One `VirtualMachine` is one VM; the driver that made it owns the VMM
 * process, its sockets and its share daemons.
 *
 * Order of calls: `driver.create` (driver.ts) → `boot` → `connectAgent` (again after the connection broke) → `stop` → `close`.
 * - `create` acquires nothing that outlives the process: it checks the configuration and throws a typed error.
 * - `boot` spawns share daemons and the VMM and resolves when the guest's CPUs run. It races their death and the
 *   deadline. After it failed, only `close` may be called.
 * - `disksReady` settles when the guest has the files of `spec.disks`, which may be in the making for minutes. All that does not need them is done
 *   meanwhile. A driver that can give a disk another file later boots with a file of 512 bytes or more in each slot (for a smaller one, or none, the
 *   guest's kernel would not announce the change), and gives it the real one when it is there; the agent waits until the guest's kernel has seen it. Any other driver starts
 *   its VMM when they are there. Such a wait does not use up the deadline (`Deadline.suspend`). When the disks cannot be made, `boot` or, after it,
 *   `disksReady` rejects with the reason of `spec.disks`.
 * - `exited` settles once, when the VMM has ended for whatever reason; it never rejects.
 * - `stop` ends the VMM: orderly first, by force at the deadline. Calling it twice is allowed.
 * - `close` releases everything, also after any failure, also twice; afterwards no process, socket or file of the
 *   VM but its logs remains.
 */
export interface VirtualMachine {
  readonly pid: number | undefined;
  /** What the agent must mount to see the shared folder; known after `boot`. */
  readonly shareMount: GuestMount | undefined;
  /** A guest that was told to switch itself off ends the VMM, which is the cleanest end; else `stop` does it. */
  readonly endsWithGuest: boolean;
  /** The host's end of its network card, if its shape has one; known after `boot`. It is as long as the VMM is. */
  readonly card: Card | undefined;
  readonly exited: Promise<VmExit>;
  /** A rejection needs nobody who listens. */
  readonly disksReady: Promise<void>;
  boot(deadline: Deadline): Promise<void>;
  connectAgent(deadline: Deadline): Promise<Socket>;
  /** Stops the guest's CPUs; the guest notices nothing but the time that has passed. @throws VMM, TIMEOUT */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** What the VMM has counted. @throws VMM, TIMEOUT */
  metrics(): Promise<VmmMetrics>;
  /** Connects a stream to the guest's console, both ways, until it ends. What it does not read in time it does not get. */
  attachConsole(stream: Duplex): void;
  stop(deadline: Deadline): Promise<VmExit>;
  close(): Promise<void>;
  /** Tails of the guest console and the VMM's log, for errors. */
  logTail(): string;
}

/** Why the VMM ended. `poweroff`: the guest asked; `stopped`: we did; `panic`: the guest kernel; `crash`: the VMM itself. */
export interface VmExit {
  reason: "poweroff" | "stopped" | "panic" | "crash";
  code: number | null;
  signal: NodeJS.Signals | null;
  /** One line for people, with the exit code explained. */
  message: string;
}

/** One VM of a shape. */
export interface VmSpec {
  id: string;
  /** Folder of the VM's state: sockets, console.log, vmm.log live here. */
  stateDir: string;
  shape: SettledShape;
  /** Why its acceleration is that, for people. */
  accelReason: string;
  /** Added at the end of the kernel command line. */
  extraCmdline: string;
  /** A network namespace for a jailed VMM, as a path; undefined: ours. */
  netns?: string;
  /** The folder that the guest shares with the host, if the shape has a share. */
  folder: HostFolder;
  /** In the guest /dev/vda, /dev/vdb … in this order. What is written to them may be lost with the VM: a flush need not reach the host's disk. */
  disks: PendingDisks;
  /** Daemons of the VM that are there already (`VmDriver.daemons`); it takes them over. */
  started?: StartedDaemons;
}
