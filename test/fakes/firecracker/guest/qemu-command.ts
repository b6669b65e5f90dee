import { findProgram } from "../../../../src/host/programs.ts";
import { qemuArgv } from "../../../../src/vm/qemu/argv.ts";
import { hostTscKhz } from "../../../../src/vm/host-tsc.ts";
import { kernelCmdline } from "../../../../src/vm/kernel-cmdline.ts";
import { QEMU_PARAMETERS } from "../../../../src/vm/qemu/parameters.ts";
import { VHOST_SOCKET } from "./vsock-device.ts";
import type { GuestCard, GuestDrive, GuestHardware } from "./guest.ts";

export type Accel = "tcg" | "kvm";

const QEMU = "qemu-system-x86_64";
/** In QEMU, of the first card's tap; those of the others follow. */
const FIRST_TAP_FD = 5;

/** QEMU with the hardware that was configured. */
export function qemuCommand(hardware: GuestHardware, accel: Accel): string[] {
  const { machine, kernel, initrd, drives, cards, vsock } = hardware;
  const tscKhz = accel === "tcg" ? hostTscKhz() : undefined;
  const base = qemuArgv({
    qemu: findProgram(QEMU, process.env["PATH"] ?? "", ["/usr/bin"]) ?? QEMU,
    accel,
    vcpus: machine.vcpu_count,
    memSizeMib: machine.mem_size_mib,
    kernel,
    initrd: initrd ?? undefined,
    cmdline: kernelCmdline({
      own: QEMU_PARAMETERS,
      accel,
      tscKhz,
      debug: false,
      extra: ownArguments(hardware),
    }),
    isUnlocked: false,
    knownTsc: tscKhz !== undefined,
  });
  return [
    ...base,
    ...(vsock === undefined ? [] : vsockArguments(machine.mem_size_mib)),
    "-device",
    "virtio-rng-device",
    ...drives.flatMap(driveArguments),
    ...cards.flatMap((card, index) => cardArguments(card, FIRST_TAP_FD + index)),
  ];
}

/** The device is a process of its own, which sees the guest's memory. Its socket's name has all 108 bytes (tight=off), as node gives it. */
function vsockArguments(memSizeMib: number): string[] {
  return [
    "-object",
    `memory-backend-memfd,id=mem,size=${memSizeMib}M,share=on`,
    "-machine",
    "memory-backend=mem",
    "-chardev",
    `socket,id=vsock,path=${VHOST_SOCKET},abstract=on,tight=off`,
    "-device",
    "vhost-user-vsock-device,chardev=vsock",
  ];
}

/** What was asked for, but for what only Firecracker's keyboard controller could do. */
function ownArguments({ cmdline }: GuestHardware): string {
  return cmdline
    .split(" ")
    .filter((argument) => !argument.startsWith("reboot="))
    .join(" ");
}

/** No locks: one image may be the read-only disk of many VMs. */
function driveArguments({ id, path, readOnly }: GuestDrive): string[] {
  const file = { driver: "file", filename: path, locking: "off", discard: "unmap", "auto-read-only": true };
  const drive = { driver: "raw", "node-name": `drive-${id}`, "read-only": readOnly, discard: "unmap", file };
  return ["-blockdev", JSON.stringify(drive), "-device", `virtio-blk-device,drive=drive-${id}`];
}

function cardArguments({ id, mac }: GuestCard, fd: number): string[] {
  const device = `virtio-net-device,netdev=net-${id}${mac === null ? "" : `,mac=${mac}`}`;
  return ["-netdev", `tap,id=net-${id},fd=${fd}`, "-device", device];
}
