import { describeExit, type DaemonExit } from "../../host/daemon.ts";
import type { VmExit } from "../virtual-machine.ts";

/** What was known of the end before it came. */
export interface ShutdownNotes {
  /** We asked for it. */
  stopping: boolean;
  /** The reason in QEMU's SHUTDOWN event (qapi/run-state.json, ShutdownCause). */
  shutdown?: string;
  /** QEMU's GUEST_PANICKED event, which needs a driver in the guest. */
  panicked?: boolean;
  /** Why the VM could not go on, so that we ended it. */
  broken?: string;
}

const PANIC = /Kernel panic - not syncing: *(.{0,200})/;

/**
 * Why the VM ended. The guest writes its console as it likes, so the text found there only chooses between words; nothing is
 * decided by it.
 */
export function explainExit(exit: DaemonExit, notes: ShutdownNotes, consoleTail: string): VmExit {
  const { code, signal } = exit;
  const result = (reason: VmExit["reason"], message: string): VmExit => ({ reason, code, signal, message });
  if (notes.broken !== undefined) return result("crash", notes.broken);
  const panic = PANIC.exec(consoleTail)?.[1]?.trim();
  if (notes.panicked === true || (panic !== undefined && notes.shutdown === "guest-reset")) {
    return result("panic", `the guest's kernel panicked${panic ? `: ${panic}` : ""}`);
  }
  if (notes.shutdown === "guest-shutdown") return result("poweroff", "the guest switched itself off");
  if (notes.shutdown === "guest-reset")
    return result("poweroff", "the guest restarted itself, which ends the VM");
  if (notes.stopping) {
    return result(
      "stopped",
      signal === "SIGKILL" ? "QEMU was ended by force" : "QEMU ended when it was asked to",
    );
  }
  return result("crash", `QEMU ${describeExit(exit)}, and nobody had asked it to end`);
}
