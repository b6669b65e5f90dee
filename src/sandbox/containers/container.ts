import type { AgentClient } from "../../agent/agent-client.ts";
import { exitStatus, type ExitEvent } from "../../agent/messages.ts";
import { asNkError, NkError } from "../../base/errors.ts";
import { formatExact } from "../../base/exact-json.ts";
import { Latch } from "../../base/latch.ts";
import { complain, writeStderr } from "../../base/logger.ts";
import { processStartTime } from "../../host/process-info.ts";
import type { ResourceChange } from "../../oci/resource-change.ts";
import { runHooks } from "../../oci/hooks.ts";
import type { ContainerRecord } from "../../state/record.ts";
import { RecordKeeper } from "../../state/record-keeper.ts";
import type { StateStore } from "../../state/store.ts";
import { publishSpan, traced } from "../../trace/channels.ts";
import type { GuestClock } from "../../trace/guest-clock.ts";
import { ExecSessions } from "./exec-sessions.ts";
import { HostSockets } from "./host-sockets.ts";
import { createInGuest } from "./late-quota.ts";
import { ContainerLimits } from "./limits.ts";
import type { ContainerJob } from "../../contract/job.ts";
import { mountRoot, type GuestPlace } from "./place.ts";
import { ProcessSession } from "./process-session.ts";
import { recordEnd } from "./record-end.ts";
import { reportOom } from "./report-oom.ts";
import { inRuncsWords } from "./runtime-errors.ts";
import { withSharedNamespaces } from "./shared-namespaces.ts";
import { shadowGone, soon, type ShadowProcess } from "./shadow-process.ts";
import type { ShadowHandlers } from "../streams/shadow-link.ts";
import type { StreamRouter } from "../streams/stream-router.ts";

const SIGKILL = 9;

const CREATE_WHY = "the in-VM runtime makes namespaces, cgroup and mounts";

/**
 * One container in a VM: `prepare` and `create`, `start`, then `finish` when its process has exited, the VM is lost or somebody asked.
 * Every change of its state is on disk before it is answered.
 */
export class Container {
  readonly record: ContainerRecord;
  readonly execs: ExecSessions;
  readonly sockets: HostSockets;
  private readonly job: ContainerJob;
  private readonly store: StateStore;
  private readonly keeper: RecordKeeper;
  private readonly shadow: ShadowProcess;
  private readonly router: StreamRouter;
  private readonly session: ProcessSession;
  private readonly limits: ContainerLimits;
  private agent: AgentClient | undefined;
  private forced = false;
  private finishing: Promise<void> | undefined;
  private ended = false;
  private startedNs: bigint | undefined;
  private readonly exit = new Latch<ExitEvent>();
  private readonly recorded = new Latch();
  private readonly surplus = new Latch<never>();
  private readonly cutShort = new Latch();

  /** @throws ENOENT when its state folder has gone */
  constructor(job: ContainerJob, store: StateStore, shadow: ShadowProcess, router: StreamRouter) {
    this.job = job;
    this.store = store;
    this.keeper = new RecordKeeper(store.dirOf(job.record.id));
    this.shadow = shadow;
    this.router = router;
    const pidStartTime = processStartTime(shadow.pid) ?? 0;
    this.record = { ...job.record, pid: shadow.pid, pidStartTime };
    this.session = new ProcessSession(shadow.link, job.record.id, "");
    this.limits = new ContainerLimits(store.dirOf(job.record.id));
    this.execs = new ExecSessions(job.record.id, router);
    this.sockets = new HostSockets(job.sockets, shadow.pid, router);
  }

  /** Its own, of config.json; undefined: it has that of the VM. */
  get hostname(): string | undefined {
    const { hostname } = this.job.guestConfig;
    return typeof hostname === "string" && hostname !== "" ? hostname : undefined;
  }

  /** Settles when the container's own process has ended. */
  get exited(): Promise<ExitEvent> {
    return this.exit.promise;
  }

  /** Rejects when nobody wants the container any more: its shadow was killed, or it is deleted by force. */
  get unwanted(): Promise<never> {
    return this.surplus.promise;
  }

  /** Settles when the container's end is on disk. */
  get stopped(): Promise<void> {
    return this.recorded.promise;
  }

  /** The host's part, for which no guest is needed. @throws what a hook that failed says */
  async prepare(): Promise<void> {
    const { record } = this;
    const stateDir = this.store.dirOf(record.id);
    for (const kind of ["prestart", "createRuntime", "createContainer"] as const)
      await runHooks(kind, stateDir, record);
  }

  /** Makes the container in the guest. @throws what the runtime in the VM says, in runc's words. */
  async create(agent: AgentClient, place: GuestPlace): Promise<void> {
    const { record, job } = this;
    this.agent = agent;
    const config = await withSharedNamespaces(agent, job.guestConfig, job.shared);
    const what = formatExact(config);
    await traced("agent", "create the container", { why: CREATE_WHY, what }, async () => {
      await mountRoot(agent, place);
      await this.sockets.listen(agent, place.share);
      await this.session.begin(agent, this.router, job.terminal, (start) =>
        createInGuest(agent, record.id, config, place.root, start).catch((error: unknown) => {
          throw inRuncsWords(asNkError(error), job.program);
        }),
      );
    });
  }

  /** To be called when the record says all there is to say. */
  created(): void {
    this.setStatus("created");
  }

  async start(): Promise<void> {
    const agent = this.running();
    if (this.record.status !== "created") {
      throw new NkError("BAD_STATE", `cannot start a container that is ${this.record.status}`);
    }
    const what = JSON.stringify({ type: "start", id: this.record.id });
    await traced("agent", "start the container", { why: "its process waits for this request", what }, () =>
      agent.start(this.record.id),
    );
    this.startedNs = process.hrtime.bigint();
    // The process may have ended already, and the record with it.
    if (this.record.status === "created") this.setStatus("running");
    for (const failure of await runHooks("poststart", this.store.dirOf(this.record.id), this.record)) {
      writeStderr(`${failure}\n`);
    }
  }

  /** As long as its shadow is there, a container whose process has ended takes every signal, like a process that has not been waited for. */
  async kill(signal: number, all: boolean): Promise<void> {
    try {
      if (!this.ended) await this.running().kill(this.record.id, "", signal, all);
    } catch (error) {
      if (!this.ended) throw error;
    }
    // Of a process that is killed on the host, what nobody has read is lost as well.
    if (signal === SIGKILL) this.cutOutputShort();
  }

  /** Nobody waits for its last output any more. */
  cutOutputShort(): void {
    this.cutShort.resolve();
  }

  async update(change: ResourceChange): Promise<void> {
    await this.limits.change(this.running(), this.record, change).catch((error: unknown) => {
      throw inRuncsWords(asNkError(error), this.job.program);
    });
  }

  async pause(): Promise<void> {
    await this.running().pause(this.record.id);
    this.setStatusUnlessEnded("paused");
  }

  async resume(): Promise<void> {
    await this.running().resume(this.record.id);
    this.setStatusUnlessEnded("running");
  }

  /** It may end while it is asked for something. */
  private setStatusUnlessEnded(status: ContainerRecord["status"]): void {
    if (this.record.status !== "stopped") this.setStatus(status);
  }

  /** The agent, while the container's process is there. @throws BAD_STATE */
  running(): AgentClient {
    if (!this.agent || this.hasEnded) {
      throw new NkError("BAD_STATE", "container not running");
    }
    return this.agent;
  }

  /** Writes down what has come to be known of its VM. */
  save(): void {
    this.keeper.write(this.record);
  }

  /** The last record says the same. */
  private saveIfPossible(): void {
    try {
      this.save();
    } catch (error) {
      complain(error);
    }
  }

  /** From here on nobody who dies is missed but the monitor. */
  handedOver(): void {
    delete this.record.creator;
    this.keeper.write(this.record);
  }

  /** Says that nobody wants the container any more, whatever it is doing. */
  giveUp(reason: string): void {
    this.forced = true;
    this.cutOutputShort();
    this.surplus.reject(new NkError("BOOT", reason));
  }

  /** Its process has ended, or its VM; its shadow may be there yet. */
  get hasEnded(): boolean {
    return this.ended || this.record.status === "stopped";
  }

  /** Nobody wants it any more: it does not end in order. */
  get isForced(): boolean {
    return this.forced;
  }

  /** Kills it and everything in it; resolves when its process has ended. */
  async killByForce(): Promise<void> {
    this.forced = true;
    await this.agent?.kill(this.record.id, "", SIGKILL, true);
    if (this.agent) await Promise.race([this.exited, this.stopped]);
  }

  /** An `exit` event of this container or of one of its exec sessions. */
  onExit(event: ExitEvent, clock: GuestClock | undefined): void {
    if (event.session !== "") return this.execs.exited(event);
    // Once: the guest may say it again and again.
    if (this.ended) return;
    this.ended = true;
    this.record.exitStatus = exitStatus(event);
    this.saveIfPossible();
    if (this.startedNs !== undefined && clock) {
      publishSpan({
        actor: "container",
        name: "the container's process",
        startNs: this.startedNs,
        endNs: clock.toHostNs(event.timeUs),
        what: `ended with ${event.signal > 0 ? `signal ${event.signal}` : `status ${event.code}`}`,
      });
    }
    this.exit.resolve(event);
  }

  /** Records the end, ends what ran beside it and lets the shadow go, which is the last to end. Once: what it ended by first counts. */
  finish(end: ExitEvent | NkError): Promise<void> {
    this.finishing ??= this.finishOnce(end);
    return this.finishing;
  }

  /** It was not made after all. */
  discard(): void {
    this.sockets.close();
    this.keeper.close();
  }

  private async finishOnce(end: ExitEvent | NkError): Promise<void> {
    const { record } = this;
    recordEnd(record, end);
    this.keeper.writeLast(record);
    this.recorded.resolve();
    if (record.oomKilled === true) await reportOom(record, this.job.eventService);
    this.sockets.close();
    // First: they end with the container's shadow, which is the first process of their namespace.
    await soon(this.execs.lost(), "the last output of its execs").catch(() => {});
    const gone = end instanceof NkError ? this.session.lost() : this.session.exited(end);
    await shadowGone(this.shadow, gone, this.cutShort.promise);
  }

  /** Takes what the shadow sends. Whoever made the link attaches it. */
  shadowHandlers(): ShadowHandlers {
    return {
      stream: (frame) => this.session.stream(frame),
      control: () => {},
      resize: (rows, cols) => this.session.resize(rows, cols),
      signal: (signal) => this.session.signal(signal),
      gone: () => {
        this.session.shadowGone();
        this.giveUp("the shadow process was killed");
      },
    };
  }

  private setStatus(status: ContainerRecord["status"]): void {
    this.record.status = status;
    this.keeper.write(this.record);
  }
}
