import { Socket } from "node:net";
import { dirname, join } from "node:path";
import { asNkError } from "../base/errors.ts";
import { processStartTime } from "../host/process-info.ts";
import { StateStore } from "../state/store.ts";
import { spans, type Span } from "../trace/channels.ts";
import { installRecorder } from "../trace/recorder.ts";
import { formatSpanLine } from "../trace/span-line.ts";
import { serveControl } from "./control-server.ts";
import { takeJob } from "./job.ts";
import { Monitor } from "./monitor.ts";
import { Report } from "./report.ts";
import { ShadowLink } from "./shadow-link.ts";

/** Descriptors that the launcher gives the monitor (native/shadow). */
const SHADOW_FD = 3;
const REPORT_FD = 4;

/**
 * The process that stays with a VM: started by the launcher as `monitor STATE_DIR`, ends when the container has ended and everything is
 * released. Tells the command that started it, by one line, that the container is created (or running), or why not.
 * @returns the exit code.
 */
export async function monitorMain(args: string[]): Promise<number> {
  const [stateDir = ""] = args;
  const job = takeJob(stateDir);
  const report = new Report(REPORT_FD);
  installRecorder(join(stateDir, "trace.jsonl"));
  if (job.narrate) spans.subscribe((span) => report.send({ span: formatSpanLine(span as Span) }));

  const shadowPid = Number(process.env["NK_SHADOW_PID"]);
  const link = new ShadowLink(new Socket({ fd: SHADOW_FD, readable: true, writable: true }));
  const store = new StateStore(dirname(stateDir));
  if (job.record.vm) {
    job.record.vm.monitorPid = process.pid;
    job.record.vm.monitorStartTime = processStartTime(process.pid) ?? 0;
  }
  const monitor = new Monitor(job, store, stateDir, link, shadowPid);
  store.write(monitor.record);
  try {
    const [server] = await Promise.all([
      serveControl(monitor, join(stateDir, "control.sock")),
      monitor.create(),
    ]);
    server.unref();
    if (job.startAtOnce) await monitor.start();
  } catch (error) {
    report.send({ error: asNkError(error).toJson() });
    return 1;
  }
  const told = report.send({ ready: true });
  report.close();
  const life = monitor.live();
  // The command that wanted the container was killed: nobody will ask for it.
  if (!told) await monitor.endByForce();
  await life;
  return 0;
}
