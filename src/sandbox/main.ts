import { Socket } from "node:net";
import { dirname, join } from "node:path";
import { asNkError } from "../base/errors.ts";
import { processStartTime } from "../host/process-info.ts";
import { MachineStore } from "../state/machine-store.ts";
import { StateStore } from "../state/store.ts";
import { notices, spans, type Span } from "../trace/channels.ts";
import { installRecorder } from "../trace/recorder.ts";
import { formatSpanLine } from "../trace/span-line.ts";
import type { ShadowProcess } from "./containers/container.ts";
import { ContainerMonitor } from "./container-monitor.ts";
import { serveControl } from "./control/server.ts";
import { takeJob, type ContainerJob, type MachineJob } from "../contract/job.ts";
import { MachineMonitor } from "./machine-monitor.ts";
import { Report } from "./report.ts";
import { ShadowLink } from "./streams/shadow-link.ts";

/** Descriptors that the launcher gives the monitor (native/shadow). */
const SHADOW_FD = 3;
const REPORT_FD = 4;

/**
 * The process that stays with a VM: started by the launcher as `monitor STATE_DIR`, ends when the VM has ended and everything is
 * released. Tells the command that started it, by one line, that the container is created (or running) or the VM has booted, or
 * why not.
 * @returns the exit code.
 */
export async function monitorMain(args: string[]): Promise<number> {
  const [stateDir = ""] = args;
  const job = takeJob(stateDir);
  const report = new Report(REPORT_FD);
  installRecorder(join(stateDir, "trace.jsonl"));
  if (job.narrate) spans.subscribe((span) => report.send({ span: formatSpanLine(span as Span) }));
  notices.subscribe((text) => report.send({ notice: String(text) }));
  const shadow: ShadowProcess = {
    link: new ShadowLink(new Socket({ fd: SHADOW_FD, readable: true, writable: true })),
    pid: Number(process.env["NK_SHADOW_PID"]),
  };
  const store = new StateStore(dirname(stateDir));
  const control = join(stateDir, "control.sock");
  const monitor =
    "machine" in job
      ? await bootMachine(job, store, shadow, control, report)
      : await bootContainer(job, store, shadow, control, report);
  if (!monitor) return 1;
  const told = await report.finish({ ready: true });
  if (told) monitor.handedOver();
  const life = monitor.live();
  // The command that wanted it was killed: nobody will ask for it.
  if (!told) await monitor.stop();
  await life;
  return 0;
}

async function bootContainer(
  job: ContainerJob,
  store: StateStore,
  shadow: ShadowProcess,
  control: string,
  report: Report,
): Promise<ContainerMonitor | undefined> {
  if (job.record.vm) {
    job.record.vm.monitorPid = process.pid;
    job.record.vm.monitorStartTime = processStartTime(process.pid) ?? 0;
  }
  const monitor = new ContainerMonitor(job, store, shadow);
  store.write(monitor.own.record);
  void report.abandoned.then(() =>
    monitor.own.giveUp("the command that was creating the container was killed"),
  );
  return reported(report, async () => {
    const [server] = await Promise.all([serveControl(monitor, control), monitor.create(job.startAtOnce)]);
    server.unref();
    return monitor;
  });
}

function bootMachine(
  job: MachineJob,
  store: StateStore,
  shadow: ShadowProcess,
  control: string,
  report: Report,
): Promise<MachineMonitor | undefined> {
  const monitor = new MachineMonitor(job, new MachineStore(store), shadow);
  void report.abandoned.then(() => monitor.stop());
  return reported(report, async () => {
    const [server] = await Promise.all([serveControl(monitor, control), monitor.boot()]);
    server.unref();
    return monitor;
  });
}

async function reported<T>(report: Report, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    await report.finish({ error: asNkError(error).toJson() });
    return undefined;
  }
}
