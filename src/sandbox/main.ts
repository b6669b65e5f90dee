import { Socket } from "node:net";
import { dirname, join } from "node:path";
import { asNkError } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { writeStderr } from "../base/logger.ts";
import { takeJob } from "../contract/job.ts";
import { StartedDaemons } from "../host/started-daemon.ts";
import { StateStore } from "../state/store.ts";
import { notices, spans, warnings, type Span } from "../trace/channels.ts";
import { installRecorder } from "../trace/recorder.ts";
import { formatSpanLine } from "../trace/span-line.ts";
import { adopt } from "./adopt.ts";
import { sandboxSurface } from "./control/routes.ts";
import { serveControl } from "./control/server.ts";
import type { ControlSurface } from "./control/surface.ts";
import { Holder } from "./holder.ts";
import { MicroVm } from "./microvm/microvm.ts";
import { waitInPool } from "./pooled.ts";
import { Report } from "./report.ts";
import { Sandbox } from "./sandbox.ts";

/** Descriptors that the launcher gives the monitor (native/shadow). */
const HOLDER_FD = 3;
const REPORT_FD = 4;

/**
 * The process that stays with a VM: started by the launcher as `monitor STATE_DIR`, ends when the VM has ended and everything is
 * released. Tells the command that started it, by lines, that it takes containers, and that the VM has booted or its container is there, or
 * why not.
 * @returns the exit code.
 */
export async function monitorMain(args: string[]): Promise<number> {
  const [stateDir = ""] = args;
  const job = takeJob(stateDir);
  installRecorder(join(stateDir, "trace.jsonl"));
  const report = new Report(new Socket({ fd: REPORT_FD, readable: true, writable: true }));
  tellSteps(report, job.narrate);
  const holder = new Holder(HOLDER_FD, Number(process.env["NK_SHADOW_PID"]));
  const started = new StartedDaemons(process.env["NK_DAEMONS"]);
  const spec = { ...job, needs: new Map(job.needs), stateDir, shadowPid: holder.pid, started };
  const microvm = new MicroVm(spec);
  if (!("pooled" in job.home)) {
    const store = new StateStore(dirname(stateDir));
    const sandbox = new Sandbox(
      { ...job, stateDir, home: job.home, boot: () => microvm.boot() },
      microvm,
      store,
      holder,
    );
    return live(sandbox, { holder, stateDir, report });
  }
  const { root, pooled } = job.home;
  const waited = await waitInPool(
    { microvm, holder, stateDir, vm: pooled, runtime: job.settings.vmRuntime },
    report,
  );
  if (!waited) return 1;
  const { adoption, behind } = waited;
  const store = new StateStore(root);
  const own = {
    id: adoption.container.id,
    stateDir,
    home: adoption,
    boot: () => adopt(microvm, holder, adoption),
  };
  const sandbox = new Sandbox(own, microvm, store, holder);
  return live(sandbox, { holder, stateDir, report: waited.report, behind });
}

interface Surroundings {
  holder: Holder;
  stateDir: string;
  report: Report;
  /** Of a control socket that is served already. */
  behind?: { surface: ControlSurface };
}

/** From the start of a sandbox, or its adoption, to its end. @returns the exit code */
async function live(sandbox: Sandbox, { holder, stateDir, report, behind }: Surroundings): Promise<number> {
  holder.onEnd = () => sandbox.giveUp("the process that holds the VM's files was ended");
  void report.abandoned.then(() => sandbox.giveUp("the command that was creating the container was killed"));
  try {
    await Promise.all([sandbox.open(), listen(sandbox, stateDir, report, behind)]);
  } catch (error) {
    await report.finish({ error: asNkError(error).toJson() });
    return 1;
  }
  const told = await report.finish({ ready: true });
  if (told) sandbox.handedOver();
  const life = sandbox.live();
  // The command that wanted it was killed: nobody will ask for it.
  if (!told) await sandbox.stop();
  await life;
  return 0;
}

async function listen(
  sandbox: Sandbox,
  stateDir: string,
  report: Report,
  behind: { surface: ControlSurface } | undefined,
): Promise<void> {
  const surface = sandboxSurface(sandbox);
  if (behind) behind.surface = surface;
  else (await serveControl({ surface }, join(stateDir, "control.sock"))).unref();
  report.send({ listening: true });
}

function tellSteps(report: Report, narrate: boolean): void {
  if (narrate) spans.subscribe((span) => report.send({ span: formatSpanLine(span as Span) }));
  notices.subscribe((text) => report.send({ notice: String(text) }));
  warnings.subscribe((text) => {
    report.send({ warning: String(text) });
    writeStderr(`${printable(String(text))}\n`);
  });
}
