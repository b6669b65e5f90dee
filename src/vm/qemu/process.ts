import type { Duplex } from "node:stream";
import { Deadline } from "../../base/deadline.ts";
import { NkError } from "../../base/errors.ts";
import type { ForwardedPort } from "../../host/card.ts";
import type { DaemonProcess } from "../../host/daemon-process.ts";
import { Daemon, type DaemonExit } from "../../host/daemon.ts";
import { deepenBacklog } from "../../host/deepen-backlog.ts";
import { traced } from "../../trace/channels.ts";
import { SERVER_GRACE_MS } from "../../share/share.ts";
import { attachConsole } from "../console.ts";
import { CONSOLE_SEARCH_BYTES, type VmLogs } from "../logs.ts";
import type { VmExit } from "../virtual-machine.ts";
import type { VmmMetrics } from "../vmm-metrics.ts";
import { CONSOLE_FD, QMP_FD } from "./argv.ts";
import { QEMU } from "./command.ts";
import { checkVersion, whyUnusable } from "./detect.ts";
import { forwarding } from "./card.ts";
import { explainExit, type ShutdownNotes } from "./exit.ts";
import { readMetrics } from "./metrics.ts";
import { QmpClient, type QmpEvent } from "./qmp-client.ts";

/** How long an answer may take that the main loop of QEMU gives at once, on a host that is busy. */
const ANSWER_TIMEOUT_MS = 5000;

/** One running QEMU, with its QMP connection. */
export class QemuProcess {
  /** Settles once, when QEMU has ended; never rejects. */
  readonly exited: Promise<VmExit>;
  private readonly daemon: Daemon;
  private readonly qmp: QmpClient;
  private readonly logs: VmLogs;
  private readonly path: string;
  private readonly notes: ShutdownNotes = { stopping: false };

  /** @param process started by `vmmCommand` @param path of its program */
  constructor(process: DaemonProcess, path: string, logs: VmLogs) {
    this.logs = logs;
    this.path = path;
    this.daemon = new Daemon({ name: QEMU, log: logs.vmm }, process);
    const console = this.daemon.channel(CONSOLE_FD);
    console.on("data", (chunk: Buffer) => logs.console.write(chunk));
    ignoreErrors(console);
    this.qmp = new QmpClient(this.daemon.channel(QMP_FD), (event) => this.note(event));
    this.exited = this.daemon.exited.then((exit) => this.explain(exit));
  }

  get pid(): number | undefined {
    return this.daemon.pid;
  }

  get running(): boolean {
    return this.daemon.running;
  }

  /** Resolves when the guest's CPUs run. @throws VMM, TIMEOUT, UNSUPPORTED with the phase and the log. */
  async ready(deadline: Deadline): Promise<void> {
    const phase = "start the VMM";
    const version = await this.alive(this.qmp.negotiate(deadline), deadline, phase).catch(
      async (error: unknown) => {
        throw (await whyUnusable(this.path)) ?? error;
      },
    );
    checkVersion(version);
    const status = await this.alive(
      this.execute("query-status", "are the guest's CPUs running?", deadline),
      deadline,
      phase,
    );
    const name = statusName(status);
    if (name !== "running") {
      throw new NkError("VMM", `${phase}: expected QEMU to run the guest, found it in the state ${name}`, {
        phase,
        log: this.logs.vmm.tail(),
        see: this.logs.vmm.path,
      });
    }
  }

  /** As `Daemon.alive`: waits, but not beyond QEMU's death. */
  alive<T>(promise: Promise<T>, deadline: Deadline, phase: string): Promise<T> {
    return this.daemon.alive(promise, deadline, phase).catch(async (error: unknown) => {
      // The end of the connection is seen before the end of the process, which says more.
      const died = error instanceof NkError && error.phase === "QMP";
      throw died ? await this.deathOr(error, phase, deadline) : error;
    });
  }

  async pause(): Promise<void> {
    await this.execute("stop", "the guest's CPUs are not run any more", Deadline.after(ANSWER_TIMEOUT_MS));
  }

  async resume(): Promise<void> {
    await this.execute("cont", "the guest's CPUs go on", Deadline.after(ANSWER_TIMEOUT_MS));
  }

  /** See `OwnNetwork.forward`. */
  async forward(port: ForwardedPort): Promise<void> {
    const line = `hostfwd_add ${forwarding(port)}`;
    const args = { "command-line": line };
    const command = "human-monitor-command"; // there is none of QMP for it
    const said = await this.qmp.execute(command, args, Deadline.after(ANSWER_TIMEOUT_MS));
    if (said !== "") throw new NkError("NETWORK", `QEMU refused ${line}: ${String(said).trim()}`);
    const { pid } = this;
    if (port.protocol === "tcp" && pid !== undefined) await deepenBacklog(pid);
  }

  metrics(): Promise<VmmMetrics> {
    const deadline = Deadline.after(ANSWER_TIMEOUT_MS);
    return readMetrics((command, args) => this.qmp.execute(command, args, deadline));
  }

  /** See `VirtualMachine.attachConsole`. */
  attachConsole(stream: Duplex): void {
    const console = this.daemon.channel(CONSOLE_FD);
    attachConsole(console, console, stream);
  }

  /** Orderly by QMP, by SIGKILL at the end of the time. Never throws. */
  async stop(deadline: Deadline): Promise<VmExit> {
    this.notes.stopping = true;
    const timer = setTimeout(() => this.kill(), deadline.remainingMs());
    if (this.running) {
      this.execute("quit", "the VMM writes back what it holds and ends", deadline).catch(() => {});
    }
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  /** Ends QEMU at once. */
  kill(): void {
    this.notes.stopping = true;
    this.daemon.kill("SIGKILL");
  }

  /** As `abort`, for the end of a share's server, unless that is the consequence of QEMU's own end. */
  async abortWithoutShare(reason: string): Promise<void> {
    if (!(await this.daemon.endsWithin(SERVER_GRACE_MS))) this.abort(reason);
  }

  /** Ends QEMU because the VM can no longer work; nothing when it is ending anyhow. */
  abort(reason: string): void {
    if (this.notes.stopping || this.notes.shutdown !== undefined || !this.running) return;
    this.notes.broken = reason;
    this.daemon.kill("SIGKILL");
  }

  close(): void {
    this.qmp.close();
    this.daemon.channel(CONSOLE_FD).destroy();
  }

  private execute(command: string, why: string, deadline: Deadline): Promise<unknown> {
    const what = `QMP {"execute":"${command}"}`;
    return traced("vmm", `QMP ${command}`, { why, what }, () =>
      this.qmp.execute(command, undefined, deadline),
    );
  }

  private note({ event, data }: QmpEvent): void {
    if (event === "SHUTDOWN") this.notes.shutdown = String(data["reason"]);
    if (event === "GUEST_PANICKED") this.notes.panicked = true;
    if (event === "STOP" && !this.notes.stopping) void this.checkStopped();
  }

  /** A CPU that KVM cannot run stops the guest and leaves QEMU there, for a debugger to come. */
  private async checkStopped(): Promise<void> {
    const status = await this.qmp
      .execute("query-status", undefined, Deadline.after(ANSWER_TIMEOUT_MS))
      .catch(() => undefined);
    if (statusName(status) !== "internal-error") return;
    this.abort("QEMU could not run the guest's CPU any further (state internal-error)");
  }

  private explain(exit: DaemonExit): VmExit {
    return explainExit(exit, this.notes, this.logs.console.tail(CONSOLE_SEARCH_BYTES));
  }

  private async deathOr(error: NkError, phase: string, deadline: Deadline): Promise<NkError> {
    const exit = await deadline.race(this.daemon.exited, phase).catch(() => undefined);
    return exit === undefined ? error : this.daemon.deathError(exit, phase);
  }
}

function statusName(status: unknown): string {
  return typeof status === "object" && status !== null && "status" in status
    ? String(status.status)
    : "unknown";
}

function ignoreErrors(stream: Duplex): void {
  stream.on("error", () => {}); // its end is the end of QEMU, which is watched elsewhere
}
