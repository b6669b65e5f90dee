import { Deadline } from "../../base/deadline.ts";
import { complain } from "../../base/logger.ts";
import type { EventService } from "../../contract/job.ts";
import { callTtrpc, count, member } from "./ttrpc.ts";

/** The container's end waits for it: docker takes what is said afterwards for that of the next run. */
const TIMEOUT_MS = 2_000;

/**
 * Tells containerd that memory ran out, and by it docker and kubelets. Its shim watches the memory cgroup of the pid, where a limit that is kept in the
 * guest is not seen; this is the event that it would send.
 */
export async function sendOomEvent(id: string, { address, namespace }: EventService): Promise<void> {
  const event = Buffer.concat([member(1, "containerd.events.TaskOOM"), member(2, member(1, id))]);
  const envelope = Buffer.concat([
    member(1, now()),
    member(2, namespace),
    member(3, "/tasks/oom"),
    member(4, event),
  ]);
  const service = "containerd.services.events.ttrpc.v1.Events";
  try {
    await callTtrpc(address, service, "Forward", member(1, envelope), Deadline.after(TIMEOUT_MS));
  } catch (error) {
    complain(error);
  }
}

/** google.protobuf.Timestamp. */
function now(): Buffer {
  const ms = Date.now();
  return Buffer.concat([count(1, Math.floor(ms / 1000)), count(2, (ms % 1000) * 1_000_000)]);
}
