import { NkError } from "../base/errors.ts";
import { warningsForVm } from "../oci/answers.ts";
import type { ResourceChange } from "../oci/resource-change.ts";
import { memoryLimit } from "../oci/vm-size.ts";
import type { ContainerRecord } from "../state/record.ts";
import { warnings } from "../trace/channels.ts";
import type { UpdateRequest } from "./container-mode.ts";

const MIB = 1024 * 1024;

/** What of a change a VM can have. What holds nowhere is a warning. @throws UNSUPPORTED for what it cannot */
export function changeForVm({ vm }: ContainerRecord, { change, rdt }: UpdateRequest): ResourceChange {
  if (rdt.length > 0)
    throw new NkError(
      "UNSUPPORTED",
      `${rdt[0] ?? ""} is about a CPU of the host: it is for --mode=container`,
    );
  checkMemory(change, vm?.memSizeMib ?? 0);
  const isShared = vm?.sandbox !== undefined;
  for (const line of warningsForVm({ linux: { resources: change } }, isShared)) warnings.publish(line);
  return change;
}

function checkMemory(change: ResourceChange, memSizeMib: number): void {
  const limit = memoryLimit({ linux: { resources: change } });
  if (limit === undefined || limit <= memSizeMib * MIB) return;
  const asked = Math.ceil(limit / MIB);
  throw new NkError(
    "UNSUPPORTED",
    `memory limit of ${asked} MiB: the container's VM has ${memSizeMib} MiB, and a VM's memory is fixed when it is made: give at most ${memSizeMib} MiB, or make the container anew with --vm-memory`,
  );
}
