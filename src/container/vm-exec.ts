import { writePidFile } from "../state/pid-file.ts";
import { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import { callersLimits } from "../host/callers-limits.ts";
import { procsFiles } from "../host/cgroup.ts";
import { startExecShadow } from "../host/shadow.ts";
import { encodeRequest } from "../contract/job.ts";
import { refuseForVm } from "../oci/answers.ts";
import { guestProcess, withRlimits } from "../oci/guest-config.ts";
import type { ContainerRecord } from "../state/record.ts";
import { traced } from "../trace/channels.ts";
import type { ExecRequest } from "./container-mode.ts";
import { shadowTerminal } from "../launch/terminal.ts";

/** Longer than the monitor's own deadline for the agent, so that its error arrives, which knows more. */
const EXEC_TIMEOUT_MS = 90_000;

const WHY =
  "it stands for the command on the host and sends this request to the monitor, which asks the agent, which asks the runtime in the VM";

/** Runs one more process in the container: a shadow of its own carries its stdio, signals and status. */
export async function execInVm(
  container: ContainerRecord,
  stateDir: string,
  controlSocket: string,
  request: ExecRequest,
): Promise<number> {
  if (container.status === "paused") {
    // The runtime in the VM would freeze on its way into the container, and nobody could tell it from a guest that hangs.
    throw new NkError(
      "BAD_STATE",
      `cannot exec in a paused container in a VM, --ignore-paused or not: resume it first with "nk-runtime resume ${container.id}"`,
    );
  }
  const other = request.cgroups.find((path) => path !== "/" && path !== "");
  if (other !== undefined) {
    throw new NkError(
      "UNSUPPORTED",
      `--cgroup ${other}: a command in a VM runs in the container's own cgroup: leave --cgroup out`,
    );
  }
  refuseForVm({ process: request.process }, container.vm?.runtime ?? "crun");
  const process = guestProcess(withRlimits(request.process, callersLimits()));
  const what = encodeRequest({ process, terminal: request.terminal });
  const plan = {
    join: container.pid,
    control: controlSocket,
    endpoint: `/containers/${container.id}/exec`,
    request: what,
    title: Array.isArray(request.process["args"]) ? request.process["args"].map(String) : [],
    cgroups: procsFiles({ made: container.vm?.cgroups ?? [], joined: container.vm?.joinedCgroups ?? [] }),
    stateDir,
    terminal: shadowTerminal(request.terminal, request.consoleSocket),
    wait: !request.detach,
  };
  const deadline = Deadline.after(EXEC_TIMEOUT_MS);
  const shadow = await traced("cli", "start a shadow for the command", { why: WHY, what }, () =>
    startExecShadow({ ...plan, deadline }),
  );
  if (request.pidFile !== undefined) writePidFile(request.pidFile, shadow.pid);
  return request.detach ? 0 : shadow.exitStatus();
}
