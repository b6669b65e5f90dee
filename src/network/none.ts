import type { Network, NetworkKind } from "./network.ts";

/** The guest has a loopback device and nothing else. */
export const none: NetworkKind = {
  open: async ({ journal }) => {
    journal({ kind: "none" });
    return NOTHING;
  },
  release: async () => {},
};

const NOTHING: Network = {
  plug: async () => ({ links: [], routes: [], rules: [], neighbours: [] }),
  watch: () => {},
  refresh: async () => undefined,
  close: async () => {},
};
