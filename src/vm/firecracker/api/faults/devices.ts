import { OS_ERROR, type FaultRule } from "./rule.ts";

const { EACCES, EADDRINUSE, EBUSY, EINVAL, EPERM } = OS_ERROR;

export const DEVICE_FAULTS: readonly FaultRule[] = [
  {
    pattern: /manipulating the backing file/,
    code: "HOST",
    says: "Firecracker cannot open the disk {path_on_host}: {os}",
    mend: "see that it exists, and that Firecracker's user may read it, and write it where it is not read-only",
  },
  {
    pattern: /Open tap device failed/,
    osErrors: [EBUSY],
    code: "HOST",
    says: "the tap device {host_dev_name} is in use",
    mend: "end the VM that has it, or name another",
  },
  {
    pattern: /Open tap device failed/,
    osErrors: [EPERM, EACCES],
    code: "HOST",
    says: "Firecracker may not open the tap device {host_dev_name}",
    mend: "make it beforehand for Firecracker's user (ip tuntap add mode tap user …)",
  },
  {
    pattern: /Open tap device failed/,
    osErrors: [EINVAL],
    code: "HOST",
    says: "the tap device {host_dev_name} is of another kind than Firecracker needs",
    mend: "make it anew with one queue (ip tuntap add mode tap, without multi_queue)",
  },
  {
    pattern: /open \/dev\/net\/tun/,
    code: "HOST",
    says: "Firecracker cannot open /dev/net/tun: {os}",
    mend: "modprobe tun",
  },
  {
    pattern: /Open tap device failed/,
    code: "BAD_CONFIG",
    says: "Firecracker cannot use {host_dev_name} as tap device",
    mend: "the name has 1 to 15 bytes and is that of a tap device",
  },
  {
    pattern: /MAC address is already in use|provided MAC address is invalid/,
    code: "BAD_CONFIG",
    says: "expected a MAC address that no other interface of the VM has, found {guest_mac}",
    mend: "correct it: six pairs of hexadecimal digits with colons",
  },
  {
    pattern: /binding to the host-side Unix socket/,
    osErrors: [EADDRINUSE],
    code: "HOST",
    says: "the vsock socket {uds_path} exists already",
    mend: "remove it when no VM uses it",
  },
  {
    pattern: /binding to the host-side Unix socket: path must be shorter/,
    code: "BAD_CONFIG",
    says: "the path of the vsock socket is too long: {uds_path}",
    mend: "name a folder with a shorter path with --root",
  },
  {
    pattern: /binding to the host-side Unix socket/,
    code: "HOST",
    says: "Firecracker cannot make the vsock socket {uds_path}: {os}",
    mend: "see that its folder exists, and that Firecracker's user may write there",
  },
  {
    pattern: /Amount of pages requested is too large/,
    code: "BAD_CONFIG",
    says: "the balloon is larger than the VM's memory ({amount_mib} MiB)",
    mend: "make it smaller",
  },
  {
    pattern: /No balloon device found|Device not found|expected different backend/,
    code: "NOT_FOUND",
    says: "the VM has no such device",
    mend: "name one that was attached before the start",
  },
  {
    pattern: /Statistics cannot be enabled\/disabled after activation/,
    code: "BAD_STATE",
    says: "statistics of the balloon cannot be turned on or off while the VM runs",
    mend: "choose before the start",
  },
  {
    pattern: /i8042 internal buffer full/,
    code: "BAD_STATE",
    says: "the guest has not read the key presses sent before",
    mend: "end the VM by another way",
  },
];
