import type { EventService } from "../../contract/job.ts";
import type { ContainerRecord } from "../../state/record.ts";
import { sendOomEvent } from "./oom-event.ts";
import { leaveOomFile } from "./oom-file.ts";

/** Tells engines that memory ran out. Before the shadow ends: whoever follows it asks then. Never rejects. */
export async function reportOom(record: ContainerRecord, service: EventService | undefined): Promise<void> {
  leaveOomFile(record);
  if (service) await sendOomEvent(record.id, service);
}
