import { NkError } from "../../base/errors.ts";

/** @param closed why KVM's device cannot be opened */
export function needsKvm(closed: string): NkError {
  const mend = "nk-runtime doctor says why; --vm-vmm=qemu runs without KVM";
  return new NkError("UNSUPPORTED", `Firecracker needs KVM, and ${closed}: ${mend}`, {
    phase: "check what Firecracker needs",
  });
}
