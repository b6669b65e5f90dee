import { exitStatus, type ExitEvent } from "../../agent/messages.ts";
import { NkError } from "../../base/errors.ts";
import { explainOom, hadOom } from "../../host/cgroup-oom.ts";
import type { ContainerRecord } from "../../state/record.ts";

const SIGKILL = 9;

/** Writes into the record how a container ended: by the exit of its process, or because it was lost. */
export function recordEnd(record: ContainerRecord, end: ExitEvent | NkError): void {
  if (end instanceof NkError) recordLoss(record, end);
  else if (end.oom) record.oomKilled = true;
  record.exitStatus = end instanceof NkError ? 128 + SIGKILL : exitStatus(end);
  record.status = "stopped";
}

function recordLoss(record: ContainerRecord, error: NkError): void {
  const cgroups = record.vm?.cgroups ?? [];
  record.error = explainOom(error, cgroups).toJson();
  if (hadOom(cgroups)) record.oomKilled = true;
}
