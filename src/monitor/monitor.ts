import type { AgentEvent, ExitEvent } from "../agent/messages.ts";
import { exitStatus } from "../agent/messages.ts";
import { Deadline } from "../base/deadline.ts";
import { asNkError, NkError } from "../base/errors.ts";
import { processStartTime } from "../host/process-info.ts";
import { GUEST_ROOT } from "../oci/guest-config.ts";
import { runHooks } from "../oci/hooks.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import { publishSpan, traced } from "../trace/channels.ts";
import type { GuestClock } from "../trace/guest-clock.ts";
import { agentSpan } from "./agent-steps.ts";
import { ExecSessions } from "./exec-sessions.ts";
import { Guest } from "./guest.ts";
import type { Job } from "./job.ts";
import { ProcessSession } from "./process-session.ts";
import { inRuncsWords } from "./runtime-errors.ts";
import type { ShadowLink } from "./shadow-link.ts";
import { StreamRouter } from "./stream-router.ts";

const SIGKILL = 9;
/** How long a shadow may take to write its last output when the container is deleted by force. */
const FORCED_FLUSH_MS = 2_000;
/** How long a guest may take to kill its container; one that hangs is ended with its VM. */
const FORCED_KILL_MS = 10_000;
/** How long the end of a container waits for the guest kernel's log, which a short container may outrun. */
const KERNEL_TRACE_MS = 2_000;
/** Signals that end a container which is not there yet: HUP, INT, QUIT, TERM. */
const BOOT_ENDING_SIGNALS = new Set([1, 2, 3, 15]);

/**
 * One container in its VM, from boot to the end: `create`, `start`, then `end` when the container's process has exited, its VM is
 * lost or somebody asked. Every change of state is on disk before it is answered.
 */
export class Monitor {
  readonly record: ContainerRecord;
  readonly execs: ExecSessions;
  private readonly job: Job;
  private readonly store: StateStore;
  private readonly stateDir: string;
  private readonly link: ShadowLink;
  private readonly shadowPid: number;
  private readonly router = new StreamRouter();
  private readonly session: ProcessSession;
  private guest: Guest | undefined;
  private forced = false;
  private startedNs: bigint | undefined;
  private kernelTraced: Promise<void> = Promise.resolve();
  private readonly exited: Promise<ExitEvent>;
  private resolveExited: (event: ExitEvent) => void = () => {};
  private readonly aborted: Promise<never>;
  private abort: (error: NkError) => void = () => {};
  private readonly stopped: Promise<void>;
  private resolveStopped: () => void = () => {};

  constructor(job: Job, store: StateStore, stateDir: string, link: ShadowLink, shadowPid: number) {
    this.job = job;
    this.store = store;
    this.stateDir = stateDir;
    this.link = link;
    this.shadowPid = shadowPid;
    this.record = { ...job.record, pid: shadowPid, pidStartTime: processStartTime(shadowPid) ?? 0 };
    this.session = new ProcessSession(link, job.record.id, "");
    this.execs = new ExecSessions(job.record.id, this.router);
    this.exited = new Promise((resolve) => {
      this.resolveExited = resolve;
    });
    this.aborted = new Promise((_, reject) => {
      this.abort = reject;
    });
    this.aborted.catch(() => {});
    this.stopped = new Promise((resolve) => {
      this.resolveStopped = resolve;
    });
    this.listenToShadow();
  }

  /** Boots the VM and creates the container in it. On failure nothing of either is left. */
  async create(): Promise<void> {
    const boot = Guest.boot(this.job, this.stateDir, this.shadowPid, this.router, (event, clock) =>
      this.onEvent(event, clock),
    );
    boot.catch(() => {});
    this.guest = await Promise.race([boot, this.aborted]);
    try {
      await this.createContainer(this.guest);
    } catch (error) {
      await this.guest.end();
      throw error;
    }
    this.describeVm(this.guest);
    this.setStatus("created");
  }

  async start(): Promise<void> {
    const guest = this.running();
    if (this.record.status !== "created") {
      throw new NkError("BAD_STATE", `cannot start a container that is ${this.record.status}`);
    }
    const what = JSON.stringify({ type: "start", id: this.record.id });
    await traced("agent", "start the container", { why: "its process waits for this request", what }, () =>
      guest.agent.start(this.record.id),
    );
    this.startedNs = process.hrtime.bigint();
    // The process may have ended already, and the record with it.
    if (this.record.status === "created") this.setStatus("running");
    for (const failure of await runHooks("poststart", this.record.bundle, this.record)) {
      process.stderr.write(`${failure}\n`);
    }
    this.kernelTraced = guest.traceKernel().catch(() => {});
  }

  async kill(signal: number, all: boolean): Promise<void> {
    await this.running().agent.kill(this.record.id, "", signal, all);
  }

  async pause(): Promise<void> {
    await this.running().agent.pause(this.record.id);
    this.setStatus("paused");
  }

  async resume(): Promise<void> {
    await this.running().agent.resume(this.record.id);
    this.setStatus("running");
  }

  /** Ends the container whatever it does; resolves when it is stopped and its VM gone. */
  async endByForce(): Promise<void> {
    this.forced = true;
    const { guest } = this;
    const killed = guest?.agent.kill(this.record.id, "", SIGKILL, true).then(() => this.exited);
    if (guest && killed) {
      await Deadline.after(FORCED_KILL_MS)
        .race(killed, "the end of the container")
        .catch(() => guest.abandon());
    }
    await this.stopped;
  }

  /** The guest, while there is one. @throws BAD_STATE */
  running(): Guest {
    if (!this.guest || this.record.status === "stopped") {
      throw new NkError("BAD_STATE", "container not running");
    }
    return this.guest;
  }

  /** Waits for the end of the container and releases everything; the shadow is the last to go. */
  async live(): Promise<void> {
    const guest = this.running();
    const lost = guest.lost.then((error) => error);
    const end = await Promise.race([this.exited, lost]);
    if (end instanceof NkError) this.record.error = end.toJson();
    await Deadline.after(KERNEL_TRACE_MS)
      .race(this.kernelTraced, "the guest kernel's log")
      .catch(() => {});
    await guest.end();
    this.finishRecord(end);
    this.resolveStopped();
    this.execs.lost();
    await this.dismissShadow(end);
  }

  private async createContainer(guest: Guest): Promise<void> {
    const { record, job } = this;
    await runHooks("prestart", record.bundle, record);
    await runHooks("createRuntime", record.bundle, record);
    await runHooks("createContainer", record.bundle, record);
    await traced(
      "agent",
      "create the container",
      { why: "the in-VM runtime makes namespaces, cgroup and mounts", what: JSON.stringify(job.guestConfig) },
      () =>
        this.session.begin(guest.agent, this.router, job.terminal, (start) =>
          guest.agent.create(record.id, job.guestConfig, GUEST_ROOT, start).catch((error: unknown) => {
            throw inRuncsWords(asNkError(error), job.program);
          }),
        ),
    );
  }

  private describeVm(guest: Guest): void {
    const { vm } = this.record;
    if (!vm) return;
    vm.vmmPid = guest.vm.pid ?? 0;
    vm.vmmStartTime = processStartTime(vm.vmmPid) ?? 0;
    vm.accel = guest.vm.accel;
    vm.accelReason = guest.vm.accelReason;
    vm.share = guest.vm.share;
    vm.kernel = guest.image.kernel.path;
    vm.initrd = guest.image.initrd;
    vm.kernelRelease = guest.hello.kernel.slice(0, 128);
  }

  private onEvent(event: AgentEvent, clock: GuestClock | undefined): void {
    if (event.event === "exit") {
      if (event.session === "") this.containerExited(event, clock);
      else this.execs.exited(event);
    } else if (event.event === "step" && clock) {
      publishSpan(agentSpan(event, clock));
    } else if (event.event === "log") {
      process.stderr.write(`agent ${event.level}: ${event.message}\n`);
    }
  }

  private containerExited(event: ExitEvent, clock: GuestClock | undefined): void {
    if (this.startedNs !== undefined && clock) {
      publishSpan({
        actor: "container",
        name: "the container's process",
        startNs: this.startedNs,
        endNs: clock.toHostNs(event.timeUs),
        what: `ended with ${event.signal > 0 ? `signal ${event.signal}` : `status ${event.code}`}`,
      });
    }
    this.resolveExited(event);
  }

  private listenToShadow(): void {
    this.link.attach({
      stream: (frame) => this.session.stream(frame),
      control: () => {},
      resize: (rows, cols) => this.session.resize(rows, cols),
      signal: (signal) => {
        this.session.signal(signal);
        if (BOOT_ENDING_SIGNALS.has(signal)) this.abort(new NkError("BOOT", `ended by signal ${signal}`));
      },
      gone: () => {
        this.session.shadowGone();
        this.abort(new NkError("BOOT", "the shadow process was killed"));
      },
    });
  }

  private setStatus(status: ContainerRecord["status"]): void {
    this.record.status = status;
    this.store.write(this.record);
  }

  private finishRecord(end: ExitEvent | NkError): void {
    this.record.exitStatus = end instanceof NkError ? 128 + SIGKILL : exitStatus(end);
    if (!(end instanceof NkError) && end.oom) this.record.oomKilled = true;
    this.record.pid = 0;
    this.setStatus("stopped");
  }

  private async dismissShadow(end: ExitEvent | NkError): Promise<void> {
    const gone = end instanceof NkError ? this.session.lost() : this.session.exited(end);
    if (!this.forced) return gone;
    try {
      await Deadline.after(FORCED_FLUSH_MS).race(gone, "the shadow's last output");
    } catch (error) {
      process.stderr.write(`${asNkError(error).message}\n`);
      this.link.destroy();
      process.kill(this.shadowPid, "SIGKILL");
    }
  }
}
