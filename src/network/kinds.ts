import type { NetworkKind, NetworkSpec } from "./network.ts";

/** One row a kind; each is loaded where it is used alone. */
const KINDS: Record<NetworkSpec["kind"], () => Promise<NetworkKind>> = {
  netns: async () => (await import("./netns/kind.ts")).netns,
  none: async () => (await import("./none.ts")).none,
  tap: async () => (await import("./tap/kind.ts")).tap,
  user: async () => (await import("./user/kind.ts")).user,
};

export function loadNetworkKind(kind: NetworkSpec["kind"]): Promise<NetworkKind> {
  return KINDS[kind]();
}
