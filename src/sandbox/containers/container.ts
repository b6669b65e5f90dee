import type { AgentClient, GuestMountRequest, MountProof } from "../../agent/agent-client.ts";
import { exitStatus, type ExitEvent } from "../../agent/messages.ts";
import { Deadline } from "../../base/deadline.ts";
import { asNkError, NkError } from "../../base/errors.ts";
import { formatExact } from "../../base/exact-json.ts";
import { writeStderr } from "../../base/logger.ts";
import { explainOom, hadOom } from "../../host/cgroup-oom.ts";
import { killProcess, processStartTime } from "../../host/process-info.ts";
import { signalName } from "../../host/signals.ts";
import { SHARED_ROOTFS } from "../../oci/guest-mounts.ts";
import { runHooks } from "../../oci/hooks.ts";
import type { ContainerRecord } from "../../state/record.ts";
import { RecordKeeper } from "../../state/record-keeper.ts";
import type { StateStore } from "../../state/store.ts";
import { publishSpan, traced } from "../../trace/channels.ts";
import type { GuestClock } from "../../trace/guest-clock.ts";
import { ExecSessions } from "./exec-sessions.ts";
import { createInGuest } from "./late-quota.ts";
import type { ContainerJob } from "../../contract/job.ts";
import { ProcessSession } from "./process-session.ts";
import { inRuncsWords } from "./runtime-errors.ts";
import type { ShadowHandlers, ShadowLink } from "../streams/shadow-link.ts";
import type { StreamRouter } from "../streams/stream-router.ts";

const SIGKILL = 9;
/** How long a shadow may take to write its last output when nobody wants its container any more; those of execs when it has ended. */
const FORCED_FLUSH_MS = 2_000;
/** Signals that end a container which is not there yet: HUP, INT, QUIT, TERM. */
const BOOT_ENDING_SIGNALS = new Set([1, 2, 3, 15]);

/** The process that stands for a container on the host. */
export interface ShadowProcess {
  link: ShadowLink;
  pid: number;
}

/** Where the container's files are in the guest, below /run/nk. */
export interface GuestPlace {
  /** The shadow's shared tree. */
  share: string;
  /** Where its root is. */
  root: string;
  /** That the tree is the container's, where that is not known since the VM has booted. */
  proof?: MountProof;
  /** What is mounted there; undefined: the root file system in that tree. */
  rootMounts?: readonly GuestMountRequest[];
}

/**
 * One container in a VM that runs: `create`, `start`, then `finish` when its process has exited, the VM is lost or somebody asked.
 * Every change of its state is on disk before it is answered.
 */
export class Container {
  readonly record: ContainerRecord;
  readonly execs: ExecSessions;
  /** Settles when the container's own process has ended. */
  readonly exited: Promise<ExitEvent>;
  /** Rejects when a signal has ended the container before its VM was there. */
  readonly aborted: Promise<never>;
  /** Rejects when nobody wants the container any more: its shadow was killed, or it is deleted by force. */
  readonly unwanted: Promise<never>;
  /** Settles when the container's end is on disk. */
  readonly stopped: Promise<void>;
  private readonly job: ContainerJob;
  private readonly store: StateStore;
  private readonly keeper: RecordKeeper;
  private readonly shadow: ShadowProcess;
  private readonly router: StreamRouter;
  private readonly session: ProcessSession;
  private agent: AgentClient | undefined;
  private forced = false;
  private finishing: Promise<void> | undefined;
  private ended = false;
  private startedNs: bigint | undefined;
  private resolveExited: (event: ExitEvent) => void = () => {};
  private resolveStopped: () => void = () => {};
  private abort: (error: NkError) => void = () => {};
  private rejectUnwanted: (error: NkError) => void = () => {};

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
    this.execs = new ExecSessions(job.record.id, router);
    this.exited = new Promise((resolve) => {
      this.resolveExited = resolve;
    });
    this.stopped = new Promise((resolve) => {
      this.resolveStopped = resolve;
    });
    this.aborted = new Promise((_, reject) => {
      this.abort = reject;
    });
    this.aborted.catch(() => {});
    this.unwanted = new Promise((_, reject) => {
      this.rejectUnwanted = reject;
    });
    this.unwanted.catch(() => {});
  }

  /** Makes the container in the guest. @throws what the runtime in the VM says, in runc's words. */
  async create(agent: AgentClient, place: GuestPlace): Promise<void> {
    const { record, job } = this;
    const stateDir = this.store.dirOf(record.id);
    this.agent = agent;
    await runHooks("prestart", stateDir, record);
    await runHooks("createRuntime", stateDir, record);
    await runHooks("createContainer", stateDir, record);
    const what = formatExact(job.guestConfig);
    await traced("agent", "create the container", { why: CREATE_WHY, what }, async () => {
      await mountRoot(agent, place);
      await this.session.begin(agent, this.router, job.terminal, (start) =>
        createInGuest(agent, record.id, job.guestConfig, place.root, start).catch((error: unknown) => {
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

  async kill(signal: number, all: boolean): Promise<void> {
    await this.running().kill(this.record.id, "", signal, all);
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

  /** The agent, while the container is there. @throws BAD_STATE */
  running(): AgentClient {
    if (!this.agent || this.record.status === "stopped") {
      throw new NkError("BAD_STATE", "container not running");
    }
    return this.agent;
  }

  /** From here on nobody who dies is missed but the monitor. */
  handedOver(): void {
    delete this.record.creator;
    this.keeper.write(this.record);
  }

  /** Says that nobody wants the container any more, whatever it is doing. */
  giveUp(reason: string): void {
    this.forced = true;
    this.rejectUnwanted(new NkError("BOOT", reason));
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

  /** Records the end, ends what ran beside it and lets the shadow go, which is the last to end. Once: what it ended by first counts. */
  finish(end: ExitEvent | NkError): Promise<void> {
    this.finishing ??= this.finishOnce(end);
    return this.finishing;
  }

  /** It was not made after all. */
  discard(): void {
    this.keeper.close();
  }

  private async finishOnce(end: ExitEvent | NkError): Promise<void> {
    const { record } = this;
    if (end instanceof NkError) this.recordLoss(end);
    else if (end.oom) record.oomKilled = true;
    record.exitStatus = end instanceof NkError ? 128 + SIGKILL : exitStatus(end);
    record.pid = 0;
    record.status = "stopped";
    this.keeper.writeLast(record);
    this.resolveStopped();
    // First: they end with the container's shadow, which is the first process of their namespace.
    await soon(this.execs.lost(), "the last output of its execs").catch(() => {});
    await this.dismissShadow(end);
  }

  /** Takes what the shadow sends. Whoever made the link attaches it. */
  shadowHandlers(): ShadowHandlers {
    return {
      stream: (frame) => this.session.stream(frame),
      control: () => {},
      resize: (rows, cols) => this.session.resize(rows, cols),
      signal: (signal) => {
        this.session.signal(signal);
        if (BOOT_ENDING_SIGNALS.has(signal)) this.abort(unborn(signal));
      },
      gone: () => {
        this.session.shadowGone();
        this.giveUp("the shadow process was killed");
      },
    };
  }

  private recordLoss(error: NkError): void {
    const { record } = this;
    const cgroups = record.vm?.cgroups ?? [];
    record.error = explainOom(error, cgroups).toJson();
    if (hadOom(cgroups)) record.oomKilled = true;
  }

  private setStatus(status: ContainerRecord["status"]): void {
    this.record.status = status;
    this.keeper.write(this.record);
  }

  private async dismissShadow(end: ExitEvent | NkError): Promise<void> {
    const gone = end instanceof NkError ? this.session.lost() : this.session.exited(end);
    // Somebody may read slowly. When it is deleted, nobody waits for that any more.
    await Promise.race([gone, this.unwanted.catch(() => {})]);
    try {
      await soon(gone, "the shadow's last output");
    } catch (error) {
      writeStderr(`${asNkError(error).message}\n`);
      this.shadow.link.destroy();
      killProcess(this.shadow.pid);
    }
  }
}

const CREATE_WHY = "the in-VM runtime makes namespaces, cgroup and mounts";

/** At the end of a container, whose output may be read by nobody. */
function soon(work: Promise<void>, what: string): Promise<void> {
  return Deadline.after(FORCED_FLUSH_MS).race(work, what);
}

function unborn(signal: number): NkError {
  return new NkError("BOOT", `${signalName(signal)} ended the container before it was created`);
}

async function mountRoot(agent: AgentClient, { share, root, proof, rootMounts }: GuestPlace): Promise<void> {
  const shared = { target: root, fstype: "bind", source: `${share}${SHARED_ROOTFS}`, options: "" };
  if (proof) return agent.mountProven(shared, proof);
  for (const mount of rootMounts ?? [shared]) await agent.mount(mount);
}
