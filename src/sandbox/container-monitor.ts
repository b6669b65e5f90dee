import type { ExitEvent } from "../agent/messages.ts";
import { Deadline } from "../base/deadline.ts";
import { asNkError, NkError } from "../base/errors.ts";
import { writeLimits, type CgroupWrite } from "../host/cgroup-limits.ts";
import { GUEST_ROOT, GUEST_SHARE } from "../oci/guest-mounts.ts";
import type { CopyBack } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import { Container, type ShadowProcess } from "./containers/container.ts";
import type { ControlTarget } from "./control/target.ts";
import { copyBack, notCopied, removeStaging } from "./microvm/copy-back.ts";
import type { Guest } from "./microvm/guest.ts";
import type { ContainerJob, DiskRoot } from "../contract/job.ts";
import { configNeeds } from "../vm/config-needs.ts";
import type { Settled } from "../vm/driver.ts";
import { Machine } from "./containers/machine.ts";
import { rootMounts } from "./microvm/root-mounts.ts";

/**
 * How long the whole end may take, from the container's death to that of QEMU, before the VM is switched off. It takes some tenths of a
 * second under emulation; what is unwritten in a guest that hangs is lost in any case, so waiting longer saves nothing.
 */
const FORCED_END_MS = 5_000;
/** The same for an end that should lose nothing: a guest may have much to write back. */
const ORDERLY_END_MS = 30_000;
/** How long the end of a container waits for the guest kernel's log, which a short container may outrun. */
const KERNEL_TRACE_MS = 2_000;

function ofItsOwn({ settled }: ContainerJob): Settled {
  if (settled === undefined) throw new NkError("INTERNAL", "the job of a container has no VM of its own");
  return settled;
}

/** A VM for one container: they live and end together. */
export class ContainerMonitor implements ControlTarget {
  readonly machine: Machine;
  readonly own: Container;
  private readonly disk: DiskRoot | undefined;
  private readonly cpuLimits: readonly CgroupWrite[];
  private kernelTraced: Promise<void> = Promise.resolve();

  constructor(job: ContainerJob, store: StateStore, shadow: ShadowProcess) {
    const { id } = job.record;
    this.disk = job.disk;
    this.cpuLimits = job.cpuLimits ?? [];
    this.machine = new Machine({
      id,
      settings: job.settings,
      settled: ofItsOwn(job),
      needs: configNeeds(job.guestConfig),
      stateDir: store.dirOf(id),
      shadowPid: shadow.pid,
      proof: job.proof,
      narrate: job.narrate,
      disk: job.disk,
    });
    this.own = new Container(job, store, shadow, this.machine.router);
    this.machine.add(this.own);
    this.own.unwanted.catch(() => this.kill());
    shadow.link.attach(this.own.shadowHandlers());
  }

  describe(): unknown {
    return this.own.record;
  }

  /** Boots the VM, creates the container in it and, for `run`, starts it. On failure nothing of either is left. */
  async create(startAtOnce: boolean): Promise<void> {
    const { own, machine } = this;
    const boot = machine.boot();
    boot.catch(() => {});
    const guest = await Promise.race([boot, own.aborted, own.unwanted]);
    try {
      const onDisk = guest.root && { rootMounts: rootMounts(guest.root, GUEST_ROOT) };
      const created = own.create(guest.agent, { share: GUEST_SHARE, root: GUEST_ROOT, ...onDisk });
      await Promise.race([created, own.unwanted]);
      if (own.record.vm) machine.describe(own.record.vm);
      // Not before: with a tenth of a CPU a boot takes ten times as long.
      writeLimits(this.cpuLimits);
      own.created();
      if (startAtOnce) await this.start(own);
    } catch (error) {
      const reason = await guest.explain(error);
      await guest.end();
      throw reason;
    }
  }

  async start(container: Container): Promise<void> {
    await container.start();
    this.kernelTraced = this.machine.traceKernel();
  }

  async end(container: Container, quick: boolean): Promise<void> {
    if (quick) this.switchOffAfter(FORCED_END_MS);
    container.giveUp("the container was deleted by force");
    await container.stopped;
  }

  handedOver(): void {
    this.own.handedOver();
  }

  private async kill(): Promise<void> {
    this.switchOffAfter(ORDERLY_END_MS);
    await this.own.killByForce().catch((error: unknown) => {
      // Any other failure says that there is nothing to kill any more.
      if (asNkError(error).code === "TIMEOUT") this.machine.switchOff();
    });
  }

  private switchOffAfter(timeoutMs: number): void {
    const timer = setTimeout(() => this.machine.switchOff(), Deadline.after(timeoutMs).remainingMs());
    void this.own.stopped.then(() => clearTimeout(timer));
  }

  pause(): Promise<void> {
    return this.machine.pause();
  }

  resume(): Promise<void> {
    return this.machine.resume();
  }

  stop(): Promise<void> {
    return this.end(this.own, true);
  }

  /** Waits for the end of the container and releases everything; the shadow is the last to go. */
  async live(): Promise<void> {
    const guest = this.machine.guest();
    const lost = guest.lost.then((error) => error);
    const end: ExitEvent | NkError = await Promise.race([this.own.exited, lost]);
    await Deadline.after(KERNEL_TRACE_MS)
      .race(this.kernelTraced, "the guest kernel's log")
      .catch(() => {});
    const { sync, rootfs } = this.disk ?? { sync: false, rootfs: "" };
    if (sync && !this.own.isForced) this.own.record.copiedBack = await this.copyBack(guest, end);
    await guest.end();
    if (sync) removeStaging(rootfs);
    await this.own.finish(end);
  }

  private async copyBack(guest: Guest, end: ExitEvent | NkError): Promise<CopyBack> {
    if (end instanceof NkError) return notCopied(end.message);
    return copyBack(guest, this.own.record.id);
  }
}
