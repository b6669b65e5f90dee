/** What its microvm asks of a guest's kernel. */
export const QEMU_PARAMETERS: readonly string[] = [
  "reboot=t", // by triple fault, which -no-reboot makes an end: needs neither keyboard controller nor firmware
  "pci=off", // microvm has no PCI bus: spares a line of complaint on every console
];
