import type { Deadline } from "../../../base/deadline.ts";
import type { Answer } from "./answer.ts";
import type { FirecrackerApi } from "./api.ts";
import type { BootSource } from "./boot-source.ts";
import type { Drive } from "./drives.ts";
import { readMachineConfig, type EffectiveMachineConfig } from "./machine-config.ts";
import type { NetworkInterface } from "./network-interfaces.ts";
import type { Vsock } from "./vsock.ts";

/** What a VM was made of, as far as we configure it. */
export interface VmConfig {
  "machine-config": EffectiveMachineConfig;
  /** Its kernel is "" before one was named. */
  "boot-source": BootSource;
  drives: Pick<Drive, "drive_id" | "path_on_host" | "is_root_device" | "is_read_only">[];
  "network-interfaces": Pick<NetworkInterface, "iface_id" | "host_dev_name" | "guest_mac">[];
  vsock: Vsock | undefined;
}

/** GET /vm/config. Logger, metrics and serial are never in it. */
export async function getVmConfig(api: FirecrackerApi, deadline: Deadline): Promise<VmConfig> {
  const answer = await api.get("/vm/config", "what was the VM made of?", deadline);
  return {
    "machine-config": readMachineConfig(answer.object("machine-config")),
    "boot-source": readBootSource(answer.object("boot-source")),
    drives: answer.list("drives").map(readDrive),
    "network-interfaces": answer.list("network-interfaces").map(readInterface),
    vsock: answer.has("vsock") ? readVsock(answer.object("vsock")) : undefined,
  };
}

function readBootSource(answer: Answer): BootSource {
  return {
    kernel_image_path: answer.text("kernel_image_path"),
    ...(answer.has("initrd_path") && { initrd_path: answer.text("initrd_path") }),
    ...(answer.has("boot_args") && { boot_args: answer.text("boot_args") }),
  };
}

function readDrive(answer: Answer): VmConfig["drives"][number] {
  return {
    drive_id: answer.text("drive_id"),
    path_on_host: answer.text("path_on_host"),
    is_root_device: answer.flag("is_root_device"),
    is_read_only: answer.flag("is_read_only"),
  };
}

function readInterface(answer: Answer): VmConfig["network-interfaces"][number] {
  return {
    iface_id: answer.text("iface_id"),
    host_dev_name: answer.text("host_dev_name"),
    ...(answer.has("guest_mac") && { guest_mac: answer.text("guest_mac") }),
  };
}

function readVsock(answer: Answer): Vsock {
  return { guest_cid: answer.count("guest_cid"), uds_path: answer.text("uds_path") };
}
