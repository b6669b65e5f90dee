import type { Socket } from "node:net";
import type { Container } from "../containers/container.ts";
import type { Members } from "../containers/members.ts";
import type { MicroVm } from "../microvm/microvm.ts";

/** What the control socket speaks to: the sandbox (src/sandbox/sandbox.ts). */
export interface ControlTarget {
  readonly microvm: MicroVm;
  /** The record of the container or VM, as it is now. */
  describe(): unknown;
  readonly members: Members;
  start(container: Container): Promise<void>;
  /** Ends the container whatever it does, with `quick` also what a guest that hangs has not written back; resolves when its end is on disk. */
  end(container: Container, quick: boolean): Promise<void>;
  /** Stops the CPUs of the VM, and lets them go on. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends the VM and all that runs in it; resolves when that is on disk. */
  stop(): Promise<void>;
  /** Takes over the connection of a new container's shadow. @throws BAD_STATE where no other can join */
  join(socket: Socket, head: Buffer, shadowPid: number): void;
}
