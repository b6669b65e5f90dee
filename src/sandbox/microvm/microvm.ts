import type { AgentEvent, ConnectionEvent, ExitEvent } from "../../agent/messages.ts";
import { Deadline } from "../../base/deadline.ts";
import { asNkError, NkError } from "../../base/errors.ts";
import { Latch } from "../../base/latch.ts";
import { writeStderr } from "../../base/logger.ts";
import { processStartTime } from "../../host/process-info.ts";
import type { VmRecord } from "../../state/record.ts";
import type { GuestClock } from "../../trace/guest-clock.ts";
import type { VirtualMachine } from "../../vm/virtual-machine.ts";
import { StreamRouter } from "../streams/stream-router.ts";
import { GuestPorts } from "./guest-ports.ts";
import { AgentVoice } from "./agent-voice.ts";
import { Guest, type GuestSpec } from "./guest.ts";
import { Pauses } from "./pauses.ts";

/** How long the end of a container waits for the guest kernel's log, which a short container may outrun. */
const KERNEL_TRACE_MS = 2_000;

/** Takes the ends of processes that the guest tells. */
export type OnExit = (event: ExitEvent, clock: GuestClock | undefined) => void;

/** The VM alone, from boot to end: it knows of no container but by the events that it passes on. */
export class MicroVm {
  readonly router = new StreamRouter();
  readonly ports = new GuestPorts(this);
  readonly pauses = new Pauses();
  /** Set by whoever has the containers in it. */
  onExit: OnExit = () => {};
  /** The same, of connections to sockets that stand for those of the host. */
  onConnection: (event: ConnectionEvent) => void = () => {};
  private readonly vmm = new Latch<VirtualMachine>();
  private readonly spec: GuestSpec;
  private readonly voice: AgentVoice;
  private booted: Guest | undefined;
  private tracing: Promise<void> = Promise.resolve();
  private traced = false;
  private ended = false;

  constructor(spec: GuestSpec) {
    this.spec = spec;
    this.voice = new AgentVoice(spec.stateDir);
  }

  /** Boots the VM and waits for its agent. @throws as `Guest.boot` */
  async boot(): Promise<Guest> {
    const onStarted = (vm: VirtualMachine): void => this.vmm.resolve(vm);
    try {
      this.booted = await Guest.boot(this.spec, this.router, onStarted, (event, clock) =>
        this.onEvent(event, clock),
      );
    } catch (error) {
      this.vmm.reject(error);
      throw error;
    }
    return this.booted;
  }

  /** Settles when the VMM runs, before its guest has booted. */
  get started(): Promise<VirtualMachine> {
    return this.vmm.promise;
  }

  get shape(): GuestSpec["settled"]["shape"] {
    return this.spec.settled.shape;
  }

  /** The guest, when it can answer. @throws BAD_STATE */
  running(): Guest {
    const guest = this.guest();
    if (!this.pauses.now) return guest;
    throw new NkError(
      "BAD_STATE",
      `the VM ${this.spec.id} is paused: vm-resume ${this.spec.id} lets it go on`,
    );
  }

  /** The guest, which may be paused. @throws BAD_STATE */
  guest(): Guest {
    if (!this.booted) throw new NkError("BAD_STATE", "the VM has not booted yet");
    return this.booted;
  }

  ifBooted(): Guest | undefined {
    return this.booted;
  }

  /** Its end was asked for: nothing in it needs to be released any more. */
  get isEnding(): boolean {
    return this.ended;
  }

  /** Unmounts in the guest, then ends the VM. */
  async end(): Promise<void> {
    this.ended = true;
    await this.guest().end();
  }

  /** Resolves when the guest can be asked for something, or never will be able to answer. */
  async awake(): Promise<void> {
    await Promise.race([this.pauses.over(), this.guest().lost]);
  }

  /** Publishes what the guest's kernel did while it booted, if it can be asked. To be called when the first container runs. */
  traceKernel(): void {
    if (this.traced || this.pauses.now) return;
    this.traced = true;
    // The guest may die before it has answered, and nobody may be waiting by then.
    this.tracing = this.guest()
      .traceKernel()
      .catch(() => {});
  }

  /** Resolves when that is published, or takes too long. */
  async kernelTraced(): Promise<void> {
    await Deadline.after(KERNEL_TRACE_MS)
      .race(this.tracing, "the guest kernel's log")
      .catch(() => {});
  }

  /** Ends a VM whose guest does not, if there is one. */
  switchOff(): void {
    this.booted?.abandon();
  }

  async pause(): Promise<void> {
    await this.running().vm.pause();
    this.pauses.set(true);
  }

  /** The guest's clock has stood still: it is set anew before anybody looks at it. */
  async resume(): Promise<void> {
    const guest = this.guest();
    await guest.vm.resume();
    try {
      await guest.setClock();
    } catch (error) {
      writeStderr(`the guest's clock could not be set: ${asNkError(error).message}\n`);
    }
    this.pauses.set(false);
  }

  /** Writes down what was chosen when the VM was made. */
  describe(vm: VmRecord): void {
    const guest = this.guest();
    vm.vmmPid = guest.vm.pid ?? 0;
    vm.vmmStartTime = processStartTime(vm.vmmPid) ?? 0;
    const { shape, reasons } = this.spec.settled;
    vm.accel = shape.accel;
    vm.accelReason = reasons.accel;
    if (guest.root) vm.blockFs = guest.root.format;
    else if (shape.volumes) vm.share = shape.volumes;
    vm.kernel = shape.kernel.path;
    vm.initrd = shape.initrd;
    vm.kernelRelease = guest.hello.kernel.slice(0, 128);
  }

  private onEvent(event: AgentEvent, clock: GuestClock | undefined): void {
    if (event.event === "exit") this.onExit(event, clock);
    else if (event.event === "connection") this.onConnection(event);
    else if (event.event === "step" && clock) this.voice.step(event, clock);
    else if (event.event === "log") this.voice.say(event);
    else if (event.event === "progress") this.booted?.agent.progressed();
  }
}
