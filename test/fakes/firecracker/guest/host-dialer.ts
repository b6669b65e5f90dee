import type { Socket } from "node:net";
import type { Vsock } from "../resources/vsock.ts";

/** The port of the host on which the agent's connection is awaited (protocol/agent-protocol.md). */
const AGENT_PORT = 52;
const FIRST_REDIAL_MS = 10;
const LAST_REDIAL_MS = 1000;

/** Dials the host until it listens, as the agent does: again after 10 ms, then twice as long each time. */
export async function dialHost(vsock: Vsock): Promise<Socket> {
  for (let delayMs = FIRST_REDIAL_MS; ; delayMs = Math.min(2 * delayMs, LAST_REDIAL_MS)) {
    const socket = await vsock.dialHost(AGENT_PORT);
    if (socket !== undefined) return socket;
    const waitMs = delayMs;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}
