/**
 * The network of a card that a program serves: passt, or QEMU itself. It is the same for each VM, since none reaches another by it, and nothing of the
 * host's own addresses is told. That of IPv4 is what QEMU's users know.
 */
export const USER_NET = {
  v4: { network: "10.0.2.0", prefix: 24, guest: "10.0.2.15", gateway: "10.0.2.2", resolver: "10.0.2.3" },
  v6: {
    network: "fd6e:6b00:0:2::",
    prefix: 64,
    guest: "fd6e:6b00:0:2::15",
    gateway: "fd6e:6b00:0:2::2",
    resolver: "fd6e:6b00:0:2::3",
  },
} as const;
