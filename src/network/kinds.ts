import { NkError } from "../base/errors.ts";
import type { NetworkKind, NetworkSpec } from "./network.ts";

/** One row a kind; each is loaded where it is used alone. */
const KINDS: Partial<Record<NetworkSpec["kind"], () => Promise<NetworkKind>>> = {
  netns: async () => (await import("./netns/kind.ts")).netns,
  none: async () => (await import("./none.ts")).none,
  tap: async () => (await import("./tap/kind.ts")).tap,
};

/** @throws UNSUPPORTED */
export async function loadNetworkKind(kind: NetworkSpec["kind"]): Promise<NetworkKind> {
  const load = KINDS[kind];
  if (load === undefined) throw new NkError("UNSUPPORTED", `--vm-net=${kind} cannot be had yet`);
  return load();
}
