import type { Guest } from "./guest.ts";
import { AgentGuest } from "./agent-guest.ts";
import { QemuGuest } from "./qemu-guest.ts";
import type { Settings } from "../settings.ts";
import { SilentGuest } from "./silent-guest.ts";

export function makeGuest({ guest: kind, accel }: Settings): Guest {
  if (kind === "silent") return new SilentGuest();
  if (kind === "agent") return new AgentGuest();
  return new QemuGuest(accel);
}
