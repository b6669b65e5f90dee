import type { AgentConnection } from "../../agent/connection.ts";
import { Deadline } from "../../base/deadline.ts";
import { NkError } from "../../base/errors.ts";
import type { VirtualMachine } from "../../vm/virtual-machine.ts";

/** Between the end of the agent's connection and that of the VMM, when it is the VMM that ends. */
const VM_EXIT_GRACE_MS = 2_000;

/** What a boot waits for: the sign that the guest is up. */
export const HELLO = "the agent's hello";

/** Rejects when the guest cannot come up any more. */
export function lossInBoot(vm: VirtualMachine, connection: AgentConnection): Promise<never> {
  const lost = lossOf(vm, connection).then(({ code, message, log }): never => {
    const details = { phase: HELLO, ...(log !== undefined && { log }) };
    throw new NkError(code === "VMM" ? "BOOT" : code, message, details);
  });
  lost.catch(() => {});
  return lost;
}

/** Why the VM, or the connection to its agent, ended. Never rejects. */
export async function lossOf(vm: VirtualMachine, connection: AgentConnection): Promise<NkError> {
  const vmGone = vm.exited.then(
    (exit) => new NkError("VMM", `the VM ended: ${exit.message}`, { log: vm.logTail() }),
  );
  const first = await Promise.race([vmGone, connection.closed]);
  if (first.code !== "AGENT") return first;
  // The connection's end is what a VMM that ends shows first; why it ended says more.
  return Deadline.after(VM_EXIT_GRACE_MS)
    .race(vmGone, "the end of the VM")
    .catch(() => first);
}
