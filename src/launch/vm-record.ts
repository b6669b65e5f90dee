import type { CgroupJournal } from "../host/cgroup-manager.ts";
import type { Settings } from "../oci/settings.ts";
import type { VmRecord } from "../state/record.ts";
import type { Settled } from "../vm/driver.ts";
import { shareWord } from "./wish.ts";

/** What is known of a VM that is settled and that nobody has started. @param cgroups that it will be in */
export function vmRecord(
  { shape, reasons }: Settled,
  { vmRuntime }: Settings,
  cgroups: CgroupJournal,
): VmRecord {
  return {
    vmm: shape.vmm,
    vmmPid: 0,
    vmmStartTime: 0,
    monitorPid: 0,
    monitorStartTime: 0,
    accel: shape.accel,
    accelReason: reasons.accel,
    share: shareWord(shape),
    vcpus: shape.vcpus,
    memSizeMib: shape.memSizeMib,
    kernel: shape.kernel.path,
    kernelRelease: shape.kernel.release,
    initrd: shape.initrd,
    runtime: vmRuntime,
    ...cgroupsInRecord(cgroups),
  };
}

export function cgroupsInRecord({
  made,
  joined,
  scope,
}: CgroupJournal): Pick<VmRecord, "cgroups" | "joinedCgroups" | "scope"> {
  return { cgroups: made, joinedCgroups: joined, ...(scope !== undefined && { scope }) };
}
