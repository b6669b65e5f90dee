import type { AgentEvent } from "../../agent/messages.ts";
import { asNkError, NkError } from "../../base/errors.ts";
import { writeStderr } from "../../base/logger.ts";
import { processStartTime } from "../../host/process-info.ts";
import type { VmRecord } from "../../state/record.ts";
import type { GuestClock } from "../../trace/guest-clock.ts";
import { AgentVoice } from "../microvm/agent-voice.ts";
import type { Container } from "./container.ts";
import { Guest, type GuestSpec } from "../microvm/guest.ts";
import { Pauses } from "../microvm/pauses.ts";
import { StreamRouter } from "../streams/stream-router.ts";

/** A VM with the containers in it, from boot to end. */
export class Machine {
  readonly router = new StreamRouter();
  readonly pauses = new Pauses();
  private readonly containers = new Map<string, Container>();
  private readonly spec: GuestSpec;
  private readonly voice: AgentVoice;
  private booted: Guest | undefined;

  constructor(spec: GuestSpec) {
    this.spec = spec;
    this.voice = new AgentVoice(spec.stateDir);
  }

  /** Boots the VM and waits for its agent. @throws as `Guest.boot` */
  async boot(): Promise<Guest> {
    this.booted = await Guest.boot(this.spec, this.router, (event, clock) => this.onEvent(event, clock));
    return this.booted;
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

  /** Resolves when the guest can be asked for something, or never will be able to answer. */
  async awake(): Promise<void> {
    await Promise.race([this.pauses.over(), this.guest().lost]);
  }

  /** Publishes what the guest's kernel did while it booted, if it can be asked. Never rejects. */
  async traceKernel(): Promise<void> {
    if (!this.pauses.now) await this.booted?.traceKernel().catch(() => {});
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

  /** @throws EXISTS */
  add(container: Container): void {
    const { id } = container.record;
    if (this.containers.has(id)) throw new NkError("EXISTS", `there is a container ${id} in the VM already`);
    this.containers.set(id, container);
  }

  remove(id: string): void {
    this.containers.delete(id);
  }

  /** @throws NOT_FOUND */
  container(id: string): Container {
    const container = this.containers.get(id);
    if (!container) throw new NkError("NOT_FOUND", `container does not exist in this VM: ${id}`);
    return container;
  }

  all(): Container[] {
    return [...this.containers.values()];
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
    if (event.event === "exit") this.containers.get(event.id)?.onExit(event, clock);
    else if (event.event === "step" && clock) this.voice.step(event, clock);
    else if (event.event === "log") this.voice.say(event);
    else if (event.event === "progress") this.booted?.agent.progressed();
  }
}
