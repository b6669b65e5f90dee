import { asNkError, NkError } from "../base/errors.ts";
import { checkKernelFeatures } from "../image/check-kernel.ts";
import { checkMemory } from "../image/memory-need.ts";
import { loadDriver, VMM_NAMES } from "./drivers.ts";
import type { Refusal, Settled, Settlement, VmDriver, VmmName, Wish } from "./driver.ts";

/** What is asked for, with the VMM. */
export type VmWish = Omit<Wish, "isNamed"> & { vmm: VmmName | "auto" };

/**
 * The shape that a wish comes to: of the VMM that was asked for, or of the first whose driver does not refuse. Where a better one is not installed that
 * costs a look into PATH; where it is a small file is read, or a tiny guest is run once per boot of the host.
 * @throws the refusal of the VMM that was asked for, or of the last one; BAD_CONFIG for a kernel that lacks what is needed or a VM that is too small; as
 * `VmDriver.settle`
 */
export async function settle({ vmm, ...wish }: VmWish): Promise<Settled> {
  const refusals: Refusal[] = [];
  for (const name of vmm === "auto" ? VMM_NAMES : [vmm]) {
    const driver = await loadDriver(name);
    const found = checked(driver, await driver.settle({ ...wish, isNamed: vmm !== "auto" }));
    if ("refused" in found) {
      refusals.push(found);
      continue;
    }
    checkMemory(found.shape, found.shape.memSizeMib);
    return { ...found, reasons: { ...found.reasons, vmm: reasonFor(driver, found, vmm, refusals) } };
  }
  throw refusals.at(-1)?.error ?? new NkError("INTERNAL", "there is no driver of a VMM");
}

/** Whether a VM of that VMM, or of any, can have a network that changes nothing on this host. */
export async function canHaveUserCard(vmm: VmWish["vmm"]): Promise<boolean> {
  for (const name of vmm === "auto" ? VMM_NAMES : [vmm]) {
    const driver = await loadDriver(name);
    if ((await driver.hasUserCard?.()) === true) return true;
  }
  return false;
}

/** A kernel that will not do for this VMM may do for another. */
function checked(driver: VmDriver, found: Settlement): Settlement {
  if ("refused" in found) return found;
  try {
    checkKernelFeatures(found.shape.kernel, driver.kernelNeeds(found.shape));
    return found;
  } catch (cause) {
    const error = asNkError(cause);
    return { refused: error.message, error };
  }
}

function reasonFor(
  { title }: VmDriver,
  { reasons }: Settled,
  vmm: VmWish["vmm"],
  refusals: readonly Refusal[],
): string {
  if (vmm !== "auto") return `${title} was asked for`;
  if (refusals.length === 0) return reasons.vmm;
  return `${title}, because ${refusals.map(({ refused }) => refused).join("; ")}`;
}
