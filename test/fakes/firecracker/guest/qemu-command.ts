import { qemuArgv } from "../../../../src/vm/qemu/argv.ts";
import { hostTscKhz } from "../../../../src/vm/host-tsc.ts";
import { kernelCmdline } from "../../../../src/vm/kernel-cmdline.ts";
import type { GuestDrive, GuestHardware } from "./guest.ts";

export type Accel = "tcg" | "kvm";

export const AGENT_PORT_ID = "agent-port";

/** An abstract socket: there is no file to be left behind. Its name has all 108 bytes (tight=off), as node gives it. */
export const AGENT_SOCKET = `nk-fake-firecracker-agent-${process.pid}`;

/** QEMU with the hardware that was configured. `cid`: it has a vsock; undefined: the agent has a virtio-serial port. */
export function qemuCommand(hardware: GuestHardware, accel: Accel, cid: number | undefined): string[] {
  const { machine, kernel, initrd, drives, vsock } = hardware;
  const tscKhz = accel === "tcg" ? hostTscKhz() : undefined;
  const base = qemuArgv({
    qemu: "qemu-system-x86_64",
    accel,
    vcpus: machine.vcpu_count,
    memSizeMib: machine.mem_size_mib,
    kernel,
    initrd: initrd ?? undefined,
    cmdline: kernelCmdline({ accel, tscKhz, debug: false, extra: ownArguments(hardware, cid !== undefined) }),
    knownTsc: tscKhz !== undefined,
  });
  const transport = cid === undefined ? serialPort() : ["-device", `vhost-vsock-device,guest-cid=${cid}`];
  return [
    ...base,
    ...(vsock === undefined ? [] : transport),
    "-device",
    "virtio-rng-device",
    ...drives.flatMap(driveArguments),
  ];
}

function serialPort(): string[] {
  return [
    "-device",
    "virtio-serial-device",
    "-chardev",
    `socket,id=agent,path=${AGENT_SOCKET},abstract=on,tight=off,server=on,wait=off`,
    "-device",
    `virtserialport,id=${AGENT_PORT_ID},chardev=agent,name=nk.agent`,
  ];
}

/** What was asked for, but for what only Firecracker's keyboard controller and vsock could do. */
function ownArguments({ cmdline }: GuestHardware, withVsock: boolean): string {
  const unfit = (argument: string) =>
    argument.startsWith("reboot=") || (argument === "nk.transport=vsock" && !withVsock);
  return cmdline
    .split(" ")
    .filter((argument) => !unfit(argument))
    .join(" ");
}

/** No locks: one image may be the read-only disk of many VMs. */
function driveArguments({ id, path, readOnly }: GuestDrive): string[] {
  const file = { driver: "file", filename: path, locking: "off", discard: "unmap", "auto-read-only": true };
  const drive = { driver: "raw", "node-name": `drive-${id}`, "read-only": readOnly, discard: "unmap", file };
  return ["-blockdev", JSON.stringify(drive), "-device", `virtio-blk-device,drive=drive-${id}`];
}
