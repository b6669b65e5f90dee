import type { Guest } from "./guest.ts";
import { AgentGuest } from "./agent-guest.ts";
import { SilentGuest } from "./silent-guest.ts";

export function makeGuest(kind: "silent" | "agent" | "qemu"): Guest {
  if (kind === "silent") return new SilentGuest();
  if (kind === "agent") return new AgentGuest();
  throw new Error(`there is no guest ${kind}`);
}
