import type { NetworkKind, NetworkSpec } from "./network.ts";

/** One row a kind; each is loaded where it is used alone. */
const KINDS: Partial<Record<NetworkSpec["kind"], () => Promise<NetworkKind>>> = {
  none: async () => (await import("./none.ts")).none,
};

export function loadNetworkKind(kind: NetworkSpec["kind"]): Promise<NetworkKind> | undefined {
  return KINDS[kind]?.();
}
