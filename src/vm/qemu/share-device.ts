import type { TreeOwner } from "../../host/confinement.ts";
import { NkError } from "../../base/errors.ts";
import { EXPORTED_TREE, MOUNT_TAG, type Transport } from "../../share/share.ts";

/** Where QEMU gives the host's kernel the guest's end of vsock. */
export const VHOST_VSOCK = "/dev/vhost-vsock";

/** Of the server's socket in QEMU. */
export const SHARE_FD = 7;

/** What a share is in QEMU. */
export interface ShareDevice {
  /** Arguments that make the device. */
  args: readonly string[];
  /** The guest's memory must be a file that another process can map. */
  sharedMemory: boolean;
  /** What is to be in QEMU's root: a shadow's tree, which it serves itself, or a device of the host, */
  shadowPid?: TreeOwner;
  devices?: readonly string[];
  /** the socket of the server, as SHARE_FD. */
  socket?: string;
}

/** The device at the guest's end of a share's transport. */
export function shareDevice(transport: Transport): ShareDevice {
  if (transport.kind === "virtio-9p") {
    // passthrough: owners and modes are the host's own. remap: bind mounts of other file systems keep apart inodes.
    const served = `local,id=share,path=${EXPORTED_TREE},security_model=passthrough,multidevs=remap`;
    const device = `virtio-9p-device,fsdev=share,mount_tag=${MOUNT_TAG}`;
    const args = ["-fsdev", served, "-device", device];
    return { args, sharedMemory: false, shadowPid: transport.shadowPid };
  }
  if (transport.kind === "virtio-fs") {
    const device = `vhost-user-fs-device,chardev=share,tag=${MOUNT_TAG}`;
    const args = ["-chardev", `socket,id=share,fd=${SHARE_FD}`, "-device", device];
    return { args, sharedMemory: true, socket: transport.socket };
  }
  const { door } = transport;
  if (door.kind !== "vsock") throw new NkError("INTERNAL", "QEMU makes no Unix sockets of vsock connections");
  const args = ["-device", `vhost-vsock-device,guest-cid=${door.cid}`];
  return { args, sharedMemory: false, devices: [VHOST_VSOCK] };
}
