/** What it asks of a guest's kernel. Firecracker adds `pci=off` and what its devices need (docs/kernel-policy.md of its repository). */
export const FIRECRACKER_PARAMETERS: readonly string[] = [
  "reboot=k", // by the keyboard controller, the only way to end that it offers
  // Its keyboard controller has nothing behind it: each would be waited for.
  "i8042.noaux",
  "i8042.nomux",
  "i8042.dumbkbd",
  "nk.transport=vsock",
  "nk.poweroff=reboot", // a guest that is switched off halts, and Firecracker stays
];
