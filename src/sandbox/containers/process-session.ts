import type { AgentClient, ProcessStart } from "../../agent/agent-client.ts";
import { FrameType, type Frame } from "../../agent/frame-codec.ts";
import { BrokenRequest } from "../../agent/requests.ts";
import { NkError } from "../../base/errors.ts";
import { writeStderr } from "../../base/logger.ts";
import { waitStatus, type ExitEvent } from "../../agent/messages.ts";
import type { ShadowLink } from "../streams/shadow-link.ts";
import type { StreamRouter, StreamSet } from "../streams/stream-router.ts";

/** SIGKILL: what a process gets when its shadow is gone, and the status of one whose VM is gone. */
const SIGKILL = 9;
/** The credit of standard input, and each stream's end. */
const MAX_EARLY_BYTES = 262_144 + 3;

/**
 * One process of the container, its own or an exec's, with the shadow that stands for it on the host. Signals, window sizes and
 * input that come before the process exists are kept; its exit status goes to the shadow after its last output.
 */
export class ProcessSession {
  readonly name: string;
  private readonly link: ShadowLink;
  private readonly containerId: string;
  private agent: AgentClient | undefined;
  private streams: StreamSet | undefined;
  private early: Frame[] = [];
  private earlyBytes = 0;
  /** Each once, as the kernel keeps pending ones. */
  private readonly earlySignals = new Set<number>();
  private size = { rows: 0, cols: 0 };
  private isResizing = false;
  private exitSent = false;

  /** @param name the session's name for the agent; "" is the container's own process. */
  constructor(link: ShadowLink, containerId: string, name: string) {
    this.link = link;
    this.containerId = containerId;
    this.name = name;
  }

  /** A stream frame of the shadow. @throws PROTOCOL when it breaks the rules of streams */
  stream(frame: Frame): void {
    if (this.streams) this.streams.fromShadow(frame);
    else if (frame.type !== FrameType.credit) this.keep(frame);
  }

  private keep(frame: Frame): void {
    this.early.push(frame);
    this.earlyBytes += Math.max(frame.payload.length, 1);
    if (this.earlyBytes <= MAX_EARLY_BYTES) return;
    throw new NkError("PROTOCOL", "the shadow sent more than its credit before its process was there");
  }

  signal(signal: number): void {
    // A process can only be killed once.
    const isRepeatable = signal === SIGKILL;
    if (!this.agent) this.earlySignals.add(signal);
    else void this.tell((agent) => agent.kill(this.containerId, this.name, signal), isRepeatable);
  }

  resize(rows: number, cols: number): void {
    this.size = { rows, cols };
    if (this.agent && !this.isResizing) void this.passSizeOn();
  }

  /** One at a time: while a guest is slow, or paused, the sizes of a window that is being dragged are not kept for it, only the last. */
  private async passSizeOn(): Promise<void> {
    this.isResizing = true;
    let told: typeof this.size;
    do {
      told = this.size;
      await this.tell(
        (agent) => agent.resize(this.containerId, this.name, this.size.rows, this.size.cols),
        true,
      );
    } while (told !== this.size);
    this.isResizing = false;
  }

  /** What nobody waits for. A connection that breaks does not take it along: it is sent again, unless the guest may have done it. */
  private async tell(ask: (agent: AgentClient) => Promise<void>, isRepeatable: boolean): Promise<void> {
    const { agent } = this;
    if (!agent) return;
    try {
      await ask(agent);
    } catch (error) {
      if (error instanceof BrokenRequest && (isRepeatable || !error.mayBeDone))
        await this.tell(ask, isRepeatable);
    }
  }

  /** The shadow was killed: so is the process, as a container dies with its init. What its children write nobody reads any more. */
  shadowGone(): void {
    if (!this.exitSent) this.signal(SIGKILL);
    this.streams?.abandon();
  }

  /** Opens the streams and lets `begin` make the process in the guest. */
  async begin(
    agent: AgentClient,
    router: StreamRouter,
    terminal: boolean,
    begin: (start: ProcessStart) => Promise<void>,
  ): Promise<void> {
    // What is sent behind the request must not be kept back with it.
    await agent.connected();
    const streams = router.open(this.link, terminal, (what) => this.broken(what));
    const asked = this.size;
    const begun = begin({ streams: streams.streams, terminal, ...asked });
    begun.catch(() => {});
    try {
      // The request is on its way: what follows on the same connection finds the streams known.
      this.streams = streams;
      for (const frame of this.early.splice(0)) streams.fromShadow(frame);
      await begun;
      this.agent = agent;
      this.catchUp(asked);
    } catch (error) {
      streams.release();
      // A shadow that broke the rules meanwhile is refused when its process is on its way.
      begun.then(() => agent.kill(this.containerId, this.name, SIGKILL)).catch(() => {});
      throw error;
    }
  }

  /** Tells the agent what came while it made the process. */
  private catchUp(asked: { rows: number; cols: number }): void {
    if (this.size !== asked) this.resize(this.size.rows, this.size.cols);
    for (const signal of this.earlySignals) this.signal(signal);
  }

  /** Bytes were lost. An exec fails, since its exit status would pass for that of all that it was to do; a container goes on. */
  private broken(what: string): void {
    writeStderr(`container ${this.containerId}${this.name && `, ${this.name}`}: ${what}\n`);
    if (this.name !== "") this.link.sendFailed(what);
  }

  /**
   * Hands the exit status to the shadow; resolves when the shadow has written all output and is gone. What the children of an exec's
   * process still write is passed on until the last of them has closed it (protocol/agent-protocol.md, "Exit").
   */
  async exited(event: ExitEvent): Promise<void> {
    if (!this.exitSent) {
      this.exitSent = true;
      this.link.sendExit(waitStatus(event));
      if (this.name === "") this.streams?.release();
      void this.streams?.outputEnded.then(() => this.finish());
    }
    await this.link.closed();
  }

  /** The guest is gone: the shadow ends as if the process had been killed. */
  async lost(): Promise<void> {
    if (!this.exitSent) this.link.sendExit(SIGKILL);
    this.exitSent = true;
    this.finish();
    await this.link.closed();
  }

  private finish(): void {
    this.streams?.release();
    this.link.end();
  }
}
