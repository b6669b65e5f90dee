// The VM's life: actions, pause and resume.
import { oneOf, required, struct } from "../serde/decode.ts";
import { after, before, parse, type Action } from "./action.ts";

const actionBody = struct("ActionBody", {
  action_type: required(oneOf(["FlushMetrics", "InstanceStart", "SendCtrlAltDel"])),
});
const vmBody = struct("Vm", { state: required(oneOf(["Paused", "Resumed"])) });

export function putActions(body: Buffer): Action {
  const { action_type: type } = parse(actionBody, body);
  if (type === "InstanceStart") return before((vmm) => vmm.start());
  if (type === "FlushMetrics") return after((vmm) => vmm.metrics.write());
  return after((vmm) => vmm.guest.ctrlAltDel());
}

export function patchVm(body: Buffer): Action {
  const { state } = parse(vmBody, body);
  return state === "Paused"
    ? { ...after((vmm) => vmm.pause()), timed: "pause vm" }
    : { ...after((vmm) => vmm.resume()), timed: "resume vm" };
}
