import { OS_ERROR, type FaultRule } from "./rule.ts";

const { ENOMEM } = OS_ERROR;

export const BOOT_FAULTS: readonly FaultRule[] = [
  {
    pattern: /kernel file cannot be opened/,
    code: "BAD_CONFIG",
    says: "cannot open the guest kernel {kernel_image_path}: {os}",
    mend: "name another with --vm-kernel",
  },
  {
    pattern: /initrd file cannot be opened/,
    code: "BAD_CONFIG",
    says: "cannot open the initramfs {initrd_path}: {os}",
    mend: "name another with --vm-rootfs",
  },
  {
    pattern: /kernel command line is invalid/,
    code: "BAD_CONFIG",
    says: "Firecracker cannot take the kernel command line",
    mend: "it has at most 2047 bytes, printable ASCII all of them",
  },
  {
    pattern: /without kernel configuration/,
    code: "INTERNAL",
    says: "the VM was started before its kernel was named",
    mend: "please report it",
  },
  {
    pattern: /Unable to read kernel image|memory to load kernel image is not enough/,
    code: "BAD_CONFIG",
    says: "the guest kernel does not fit into the VM's memory, or its file is cut short",
    mend: "give more with --vm-memory, or name another with --vm-kernel",
  },
  {
    pattern: /Kernel Loader:|Cannot load kernel/,
    code: "BAD_CONFIG",
    says: "the guest kernel is no image that this Firecracker boots",
    mend: "name an uncompressed vmlinux (ELF, x86-64) with --vm-kernel; only 1.17 and later take a bzImage",
  },
  {
    pattern: /initrd initialization|compute the initrd address/,
    code: "BAD_CONFIG",
    says: "the initramfs does not fit into the VM's memory",
    mend: "give more with --vm-memory",
  },
  {
    pattern: /Invalid Memory Configuration|Cannot create mmap region/,
    osErrors: [ENOMEM],
    code: "HOST",
    says: "the host has not enough memory for the VM",
    mend: "give less with --vm-memory, or end something; a limit on memory or address space counts as well",
  },
  {
    pattern: /allocate GSI|available device slot on the PCI bus/,
    code: "UNSUPPORTED",
    says: "the VM has more devices than Firecracker can attach",
    mend: "use fewer disks and network interfaces",
  },
  {
    pattern: /The number of vCPUs must be/,
    code: "BAD_CONFIG",
    says: "expected 1 to 32 CPUs for the VM, found {vcpu_count}",
    mend: "correct --vm-vcpus",
  },
  {
    pattern: /The memory size \(MiB\) is either 0/,
    code: "BAD_CONFIG",
    says: "expected at least 1 MiB of memory for the VM, an even number with huge pages, found {mem_size_mib}",
    mend: "correct --vm-memory",
  },
];
