import type { CgroupFolders } from "../host/cgroup.ts";
import type { Settings } from "../oci/settings.ts";
import type { VmRecord } from "./record.ts";

/** What is known of a VM that nobody has started; whoever chooses fills the rest in. @param cgroups that it will be in */
export function emptyVm(settings: Settings, cgroups: CgroupFolders): VmRecord {
  return {
    vmm: settings.vmm,
    vmmPid: 0,
    vmmStartTime: 0,
    monitorPid: 0,
    monitorStartTime: 0,
    accel: "tcg",
    accelReason: "not chosen yet",
    share: settings.share === "block" ? "block" : "9p",
    vcpus: settings.vcpus,
    memSizeMib: settings.memSizeMib,
    kernel: settings.kernel ?? "",
    kernelRelease: "",
    initrd: settings.rootfs ?? "",
    runtime: settings.vmRuntime,
    cgroups: cgroups.made,
    joinedCgroups: cgroups.joined,
  };
}
