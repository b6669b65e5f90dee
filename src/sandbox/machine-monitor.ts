import { rmSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { AgentClient } from "../agent/agent-client.ts";
import type { ExitEvent } from "../agent/messages.ts";
import { Deadline } from "../base/deadline.ts";
import { asNkError, NkError } from "../base/errors.ts";
import { writeStderr } from "../base/logger.ts";
import { processStartTime } from "../host/process-info.ts";
import { checkKernelFeatures } from "../image/check-kernel.ts";
import { detachTree } from "../host/shadow-tree.ts";
import { GUEST_SHARE, joinedShare, SHARED_PROOF, volumePath } from "../oci/guest-mounts.ts";
import { TREE_FOLDER, type MachineRecord, type MachineStatus } from "../state/machine-record.ts";
import type { MachineStore } from "../state/machine-store.ts";
import { Container, type GuestPlace, type ShadowProcess } from "./containers/container.ts";
import type { ControlTarget } from "./control/target.ts";
import type { MachineJob } from "../contract/job.ts";
import { acceptJoin, type JoinRequest } from "./containers/join.ts";
import { configNeeds } from "../vm/config-needs.ts";
import { Machine } from "./containers/machine.ts";

/** How long a guest may take to kill a container; one that hangs can only be stopped as a whole. */
const KILL_TIMEOUT_MS = 10_000;
/** Where the guest sees the bundle of `vm-create --bundle` (/mnt/bundle). */
const GUEST_BUNDLE = "/run/nk/bundle";

/** A VM made by hand: it takes containers (`create --vm`) and lives until it is stopped. */
export class MachineMonitor implements ControlTarget {
  readonly machine: Machine;
  private readonly record: MachineRecord;
  private readonly store: MachineStore;
  private readonly shadow: ShadowProcess;
  private readonly lives = new Map<string, Promise<void>>();
  private readonly stopWanted: Promise<void>;
  private wantStop: () => void = () => {};
  private readonly over: Promise<void>;
  private resolveOver: () => void = () => {};
  private kernelTraced = false;
  private ending = false;

  constructor({ machine, settled, proof, narrate }: MachineJob, store: MachineStore, shadow: ShadowProcess) {
    this.record = {
      ...machine,
      status: "starting",
      pid: shadow.pid,
      pidStartTime: processStartTime(shadow.pid) ?? 0,
    };
    delete this.record.error;
    this.store = store;
    this.shadow = shadow;
    this.machine = new Machine({
      id: machine.id,
      settings: machine.settings,
      settled,
      needs: new Map(),
      stateDir: store.store.dirOf(machine.id),
      shadowPid: shadow.pid,
      proof,
      narrate,
    });
    this.stopWanted = new Promise((resolve) => {
      this.wantStop = resolve;
    });
    this.over = new Promise((resolve) => {
      this.resolveOver = resolve;
    });
    const stop = (): void => this.wantStop();
    shadow.link.attach({ stream() {}, control() {}, resize() {}, signal: stop, gone: stop });
  }

  describe(): unknown {
    return { ...this.record, containers: this.machine.all().map(({ record }) => record) };
  }

  async boot(): Promise<void> {
    const { vm } = this.record;
    vm.monitorPid = process.pid;
    vm.monitorStartTime = processStartTime(process.pid) ?? 0;
    this.setStatus("starting");
    const unwanted = this.stopWanted.then(() =>
      Promise.reject(new NkError("BOOT", "the VM was stopped while it booted")),
    );
    unwanted.catch(() => {});
    const guest = await Promise.race([this.machine.boot(), unwanted]);
    await this.mountBundle(guest.agent);
    this.machine.describe(vm);
    this.setStatus("running");
  }

  /** The volumes of `bundleVolumes` (src/machine/bundle-folder.ts). */
  private async mountBundle(agent: AgentClient): Promise<void> {
    const { bundle, bundleRoot } = this.record;
    if (bundle === undefined) return;
    const targets = [GUEST_BUNDLE, ...(bundleRoot === undefined ? [] : [join(GUEST_BUNDLE, bundleRoot)])];
    for (const [number, target] of targets.entries()) {
      const source = `${GUEST_SHARE}${volumePath(number)}`;
      await agent.mount({ target, fstype: "bind", source, options: "" });
    }
  }

  async start(container: Container): Promise<void> {
    await container.start();
    if (this.kernelTraced) return;
    this.kernelTraced = true;
    void this.machine.traceKernel();
  }

  async end(container: Container, quick: boolean): Promise<void> {
    if (!quick) this.machine.running();
    const killed = container.killByForce();
    if (this.machine.pauses.now) {
      // The guest does it when it goes on, and nobody waits for that.
      killed.catch(() => {});
      return container.finish(new NkError("VMM", "it was deleted by force while its VM was paused"));
    }
    await Deadline.after(KILL_TIMEOUT_MS).race(killed, "the end of the container");
    await container.stopped;
  }

  handedOver(): void {}

  join(socket: Socket, head: Buffer, shadowPid: number): void {
    acceptJoin(socket, head, (request, link) => this.createContainer(request, { link, pid: shadowPid }));
  }

  /** Stops the guest's CPUs. Containers know nothing of it; their clock jumps when they go on. */
  async pause(): Promise<void> {
    await this.machine.pause();
    this.setStatus("paused");
  }

  async resume(): Promise<void> {
    await this.machine.resume();
    this.setStatus("running");
  }

  async stop(): Promise<void> {
    this.wantStop();
    await this.over;
  }

  /** Waits until the VM is stopped or lost and releases everything. */
  async live(): Promise<void> {
    const guest = this.machine.guest();
    const lost = guest.lost.then((error) => error);
    const end = await Promise.race([lost, this.stopWanted]);
    if (end instanceof NkError) this.record.error = end.toJson();
    else if (this.record.status === "paused") await this.machine.resume().catch(warn);
    this.ending = true;
    await guest.end();
    await Promise.all(this.lives.values());
    this.record.pid = 0;
    this.setStatus("stopped");
    this.resolveOver();
    this.shadow.link.sendExit(0);
    await this.shadow.link.closed();
  }

  /** @returns who takes what the shadow sends from now on, and when the container is there. */
  private createContainer(request: JoinRequest, shadow: ShadowProcess) {
    const { job, folder } = request;
    const container = new Container(job, this.store.store, shadow, this.machine.router);
    return { handlers: container.shadowHandlers(), made: this.make(container, request, folder) };
  }

  private async make(container: Container, { job }: JoinRequest, folder: string): Promise<void> {
    const { machine } = this;
    const { id } = job.record;
    if (this.record.status !== "running") throw new NkError("BAD_STATE", `the VM is ${this.record.status}`);
    const share = joinedShare(folder);
    const proof = { path: `${share}${SHARED_PROOF}`, text: job.proof };
    const place: GuestPlace = { share, root: join("/run/nk/roots", folder), proof };
    try {
      await this.endOfFormer(id);
      machine.add(container);
    } catch (error) {
      container.discard();
      throw error;
    }
    try {
      const needs = configNeeds(job.guestConfig);
      machine.running();
      checkKernelFeatures(machine.shape.kernel, needs);
      await container.create(machine.running().agent, place);
      container.created();
      if (job.startAtOnce) await this.start(container);
      container.handedOver();
    } catch (error) {
      container.discard();
      const released = this.release(id, place, folder, () => {});
      this.keep(id, released);
      // In a VM that is paused nothing can be released, and nobody waits for that.
      await Promise.race([released, machine.pauses.begun()]);
      throw error;
    }
    this.keep(id, this.liveOf(container, place, folder));
  }

  /** Of one that was deleted by force while the VM was paused, the guest may still have something. */
  private async endOfFormer(id: string): Promise<void> {
    const former = this.lives.get(id);
    if (former) await Deadline.after(KILL_TIMEOUT_MS).race(former, `the end of the former container ${id}`);
  }

  /** Until `life` is over the id is taken in this VM. */
  private keep(id: string, life: Promise<void>): void {
    const over = life.catch(warn).finally(() => {
      this.machine.remove(id);
      this.lives.delete(id);
    });
    this.lives.set(id, over);
  }

  /** Waits for the end of one container and releases what it has in the VM. */
  private async liveOf(container: Container, place: GuestPlace, folder: string): Promise<void> {
    const lost = this.machine.guest().lost.then((error) => error);
    const end: ExitEvent | NkError = await Promise.race([container.exited, lost]);
    // With the VM all of it goes.
    const released =
      this.ending || end instanceof NkError
        ? Promise.resolve()
        : this.release(container.record.id, place, folder, warn);
    // Whoever waits for the container does not wait for a VM that is paused.
    await Promise.race([released, this.machine.pauses.begun()]);
    await container.finish(end);
    await released;
  }

  /** Takes what a container has in the VM, as soon as the guest can be asked. Never rejects. */
  private async release(
    id: string,
    place: GuestPlace,
    folder: string,
    onFailure: (error: unknown) => void,
  ): Promise<void> {
    await this.machine.awake();
    if (this.ending) return;
    await this.machine.guest().agent.delete(id, true).catch(onFailure);
    await this.takeDown(place, folder);
  }

  /** The guest first: what it has mounted holds the host's files. */
  private async takeDown({ share, root }: GuestPlace, folder: string): Promise<void> {
    const { agent } = this.machine.guest();
    await agent.unmount(root).catch(warn);
    await agent.unmount(share).catch(warn);
    await detachTree(this.shadow.pid, folder).catch(warn);
    const path = join(this.store.store.dirOf(this.record.id), TREE_FOLDER, folder);
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      warn(error);
    }
  }

  private setStatus(status: MachineStatus): void {
    this.record.status = status;
    this.store.write(this.record);
  }
}

function warn(error: unknown): void {
  writeStderr(`${asNkError(error).message}\n`);
}
