import type { Settings } from "../oci/settings.ts";
import { notices, traced, warnings } from "../trace/channels.ts";
import { settle } from "../vm/choose-vmm.ts";
import type { Settled } from "../vm/driver.ts";
import { wishOf, type VmHome } from "./wish.ts";

const WHY = "what the VM will be is settled before anything is made; a driver knows what its VMM can do here";

const UNLOCKED =
  "--vm-confine=off: QEMU and virtiofsd keep the rights of root, so a guest that takes one of them over has them too; for debugging only";

/**
 * Settles what a VM will be: the VMM, and with it how files get into the VM.
 * @throws UNSUPPORTED for what the VMM that was asked for cannot do; BAD_CONFIG for a guest image that cannot be used
 */
export async function settleVm(settings: Settings, home: VmHome): Promise<Settled> {
  const notes: { why: string; what?: string } = { why: WHY };
  return traced("cli", "choose the VMM", notes, async () => {
    const settled = await settle(wishOf(settings, home));
    notes.what = Object.values(settled.reasons).join("; ");
    if (settled.notice !== undefined) notices.publish(settled.notice);
    if (settled.shape.isUnlocked) warnings.publish(UNLOCKED);
    return settled;
  });
}
