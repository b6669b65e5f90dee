import type { Socket } from "node:net";
import type { Container } from "../containers/container.ts";
import type { Machine } from "../containers/machine.ts";

/**
 * What the control socket speaks to: the two kinds of monitor, of a VM for one container (container-monitor.ts) and of a VM made by
 * hand (machine-monitor.ts).
 */
export interface ControlTarget {
  readonly machine: Machine;
  /** The record of the container or VM, as it is now. */
  describe(): unknown;
  start(container: Container): Promise<void>;
  /** Ends the container whatever it does, with `quick` also what a guest that hangs has not written back; resolves when its end is on disk. */
  end(container: Container, quick: boolean): Promise<void>;
  /** Stops the CPUs of the VM, and lets them go on. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends the VM and all that runs in it; resolves when that is on disk. */
  stop(): Promise<void>;
  /** The command that made it knows that it is there. */
  handedOver(): void;
  /** Takes over the connection of a new container's shadow. Absent where the VM has its one container. */
  join?(socket: Socket, head: Buffer, shadowPid: number): void;
}
