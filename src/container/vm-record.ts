import type { ContainerRecord } from "../state/record.ts";
import type { CreateRequest } from "./container-mode.ts";

/** The record of a container whose VM is about to be started; the monitor fills in what it chooses. */
export function vmRecord(request: CreateRequest, cgroups: string[]): ContainerRecord {
  const { settings, record } = request;
  return {
    ...record,
    vm: {
      vmm: "qemu",
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
      cgroups,
    },
  };
}
