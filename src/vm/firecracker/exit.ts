import { describeExit, type DaemonExit, type ExitCodes } from "../../host/daemon.ts";
import type { VmExit } from "../virtual-machine.ts";

/** What was known of the end before it came. */
export interface ShutdownNotes {
  /** We asked for it. */
  stopping: boolean;
  /** Why the VM could not go on, so that we ended it. */
  broken?: string;
}

const PANIC = /Kernel panic - not syncing: *(.{0,200})/;

/** FcExitCode in src/vmm/src/lib.rs of its repository, and those that its handlers of signals use. */
export const EXIT_CODES: ExitCodes = {
  1: "an error of its own",
  2: "an end that it did not expect",
  148: "it made a system call that its seccomp filter forbids",
  149: "a bus error: the file behind the guest's memory is cut off, or there are no huge pages left",
  150: "a segmentation fault",
  151: "a file grew beyond its limit",
  152: "a bad configuration",
  153: "bad arguments",
  154: "it used up its limit of CPU time",
  156: "its session was hung up",
  157: "an illegal instruction",
};

/**
 * Why the VM ended. Firecracker exits with 0 for a guest that restarted itself, which is how a clean end, a panic and a `reboot` all look. Whether
 * the end was wanted, the agent's answer to `shutdown` tells, not this. The guest writes its console as it likes, so the text found there only
 * chooses between words.
 */
export function explainExit(exit: DaemonExit, notes: ShutdownNotes, consoleTail: string): VmExit {
  const { code, signal } = exit;
  const result = (reason: VmExit["reason"], message: string): VmExit => ({ reason, code, signal, message });
  if (notes.broken !== undefined) return result("crash", notes.broken);
  const panic = PANIC.exec(consoleTail)?.[1]?.trim();
  if (code === 0 && panic !== undefined) return result("panic", `the guest's kernel panicked: ${panic}`);
  if (code === 0) return result("poweroff", "the guest restarted itself, which ends the VM");
  if (notes.stopping) {
    const message =
      signal === "SIGKILL" ? "Firecracker was ended by force" : "Firecracker ended when it was asked to";
    return result("stopped", message);
  }
  const ended = describeExit(exit, EXIT_CODES);
  return result("crash", `Firecracker ${ended}, and nobody had asked it to end`);
}
