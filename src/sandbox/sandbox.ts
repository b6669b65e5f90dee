import type { Socket } from "node:net";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { Latch } from "../base/latch.ts";
import { complain } from "../base/logger.ts";
import { WORDLESS } from "../contract/follow-report.ts";
import type { DiskRoot, OwnedHome } from "../contract/job.ts";
import { checkKernelFeatures } from "../image/check-kernel.ts";
import type { NetworkRecord } from "../state/network-record.ts";
import type { MachineStatus } from "../state/machine-record.ts";
import type { StateStore } from "../state/store.ts";
import { configNeeds } from "../vm/config-needs.ts";
import { Container } from "./containers/container.ts";
import { acceptJoin, type JoinRequest } from "./containers/join.ts";
import { Members } from "./containers/members.ts";
import { guestPlace, joinedPlace, type JoinedPlace } from "./containers/place.ts";
import type { ControlTarget } from "./control/target.ts";
import { EndOfMany } from "./ends/end-of-many.ts";
import { EndOfOne } from "./ends/end-of-one.ts";
import type { Ends } from "./ends/ends.ts";
import type { Guest } from "./microvm/guest.ts";
import type { MicroVm } from "./microvm/microvm.ts";
import { SandboxNetwork } from "./network.ts";
import { ownerOf, type Owner } from "./owner.ts";
import type { Holder } from "./holder.ts";

/** Whose a sandbox is. @see SandboxJob */
export interface SandboxSpec {
  id: string;
  /** Its folder, where its tree is. */
  stateDir: string;
  home: OwnedHome;
  disk?: DiskRoot | undefined;
  /** Boots the VM, or adopts one that has booted. */
  boot: () => Promise<Guest>;
}

const DELETED = "the container was deleted by force while its VM booted";
const STOPPED = "the VM was stopped while it booted";

/**
 * A VM with its monitor, a tree of its own, and the containers in it: `open`, then any number of `join`s, and `live` until all is released. A VM
 * made by hand lives until it is stopped; that of one container, which comes first, takes others as well, as those of its pod, and ends with the first.
 */
export class Sandbox implements ControlTarget {
  readonly microvm: MicroVm;
  readonly members = new Members();
  private readonly id: string;
  private readonly stateDir: string;
  /** The container that it was made for. */
  private readonly first: string | undefined;
  private readonly store: StateStore;
  private readonly holder: Holder;
  private readonly owner: Owner;
  private readonly network: SandboxNetwork;
  private readonly ends: { first: Ends; others: Ends };
  private readonly bootVm: () => Promise<Guest>;
  private readonly booted = new Latch<Guest>();
  private readonly firstMade = new Latch();
  /** Why nobody wants the VM any more. */
  private readonly stopWanted = new Latch<NkError>();
  private readonly over = new Latch();
  private status: MachineStatus = "starting";

  /** @param holder the process that has the sandbox's tree; who makes the sandbox tells it when that has gone (`giveUp`) */
  constructor(
    { id, stateDir, home, disk, boot }: SandboxSpec,
    microvm: MicroVm,
    store: StateStore,
    holder: Holder,
  ) {
    this.id = id;
    this.stateDir = stateDir;
    this.first = "container" in home ? home.container.id : undefined;
    this.store = store;
    this.holder = holder;
    this.owner = ownerOf(home, store, holder);
    this.network = new SandboxNetwork(home.network, microvm);
    this.microvm = microvm;
    this.bootVm = boot;
    microvm.onExit = (event, clock) => this.members.find(event.id)?.onExit(event, clock);
    microvm.onConnection = (event) =>
      this.members
        .all()
        .find(({ sockets }) => sockets.has(event.socket))
        ?.sockets.connected(event);
    this.ends = {
      first: new EndOfOne(microvm, holder, disk, this.members),
      others: new EndOfMany(microvm, holder, stateDir),
    };
  }

  describe(): unknown {
    return this.owner.describe(this.members.all().map(({ record }) => record));
  }

  /** Boots the VM; where it is made for a container, waits until that is there. On failure nothing of either is left. */
  async open(): Promise<void> {
    this.setStatus("starting");
    const boot = this.boot();
    boot.catch((error: unknown) => {
      this.booted.reject(error);
      this.firstMade.reject(error);
    });
    const stopped = this.stopWanted.promise.then((reason): never => {
      throw reason;
    });
    try {
      await Promise.race([this.first === undefined ? boot : this.firstMade.promise, stopped]);
    } catch (error) {
      await this.network.close();
      throw error;
    }
  }

  private async boot(): Promise<void> {
    const isByHand = this.first === undefined;
    const [guest] = await Promise.all([this.bootVm(), isByHand ? this.connect() : undefined]);
    if (isByHand) await this.network.tell(guest);
    for (const mount of this.owner.mounts()) await guest.agent.mount(mount);
    this.microvm.describe(this.owner.vm);
    this.setStatus("running");
    this.booted.resolve(guest);
  }

  /** Before there is a container, or beside the boot for the first. */
  private connect(container?: Container): Promise<void> {
    const journal = (record: NetworkRecord): void => {
      this.owner.journal(record);
      container?.save();
    };
    const hostname = container?.hostname ?? this.id.slice(0, 63);
    return this.network.connect({
      id: this.id,
      hostname,
      monitor: join(this.stateDir, "control.sock"),
      journal,
      ...(container && { shadowPid: container.record.pid }),
    });
  }

  /** Nobody waits for it any more: it ends, with the container that it was made for if that is there. */
  giveUp(reason: string): void {
    const first = this.firstMember();
    if (first) first.giveUp(reason);
    else this.stopWanted.resolve(new NkError("BOOT", reason, { phase: WORDLESS }));
  }

  private firstMember(): Container | undefined {
    return this.first === undefined ? undefined : this.members.find(this.first);
  }

  private isFirst({ record }: Container): boolean {
    return record.id === this.first;
  }

  private endsOf(container: Container): Ends {
    return this.isFirst(container) ? this.ends.first : this.ends.others;
  }

  /** The command that made it knows that it is there. */
  handedOver(): void {
    this.firstMember()?.handedOver();
  }

  async start(container: Container): Promise<void> {
    if (this.isFirst(container)) await this.network.refresh(this.microvm.running());
    await container.start();
    this.microvm.traceKernel();
  }

  end(container: Container, quick: boolean): Promise<void> {
    return this.endsOf(container).end(container, quick);
  }

  join(socket: Socket, head: Buffer, shadowPid: number): void {
    acceptJoin(socket, head, (request, link) => {
      const isFirst = request.job.record.id === this.first;
      if (isFirst) request.job.record.vm = this.owner.vm;
      const shadow = { link, pid: shadowPid };
      const container = new Container(request.job, this.store, shadow, this.microvm.router);
      const made = this.make(container, request);
      if (isFirst)
        made.then(
          () => this.firstMade.resolve(),
          (error: unknown) => this.firstMade.reject(error),
        );
      return { handlers: container.shadowHandlers(), made };
    });
  }

  /** Stops the guest's CPUs. Containers know nothing of it; their clock jumps when they go on. */
  async pause(): Promise<void> {
    await this.microvm.pause();
    this.setStatus("paused");
  }

  async resume(): Promise<void> {
    await this.microvm.resume();
    this.setStatus("running");
  }

  /** Ends the VM and what is in it, whatever it is doing; while it boots, and before its first container has come, too. */
  async stop(): Promise<void> {
    const first = this.firstMember();
    if (first) await this.end(first, true);
    else this.stopWanted.resolve(new NkError("BOOT", this.first === undefined ? STOPPED : DELETED));
    await this.over.promise;
  }

  /** Waits until the VM is stopped or lost, or its first container has ended, and releases everything. */
  async live(): Promise<void> {
    if (this.first === undefined) await this.endOfVm();
    else await this.members.lifeOf(this.first);
    await this.members.over();
    this.setStatus("stopped");
    await this.network.close();
    this.over.resolve();
    this.holder.dismiss();
    await this.holder.gone();
  }

  private async endOfVm(): Promise<void> {
    const lost = this.microvm.guest().lost.then((error) => error);
    const end = await Promise.race([lost, this.stopWanted.promise.then(() => undefined)]);
    if (end) this.owner.lost(end);
    else if (this.status === "paused") await this.microvm.resume().catch(complain);
    await this.microvm.end();
  }

  private async make(container: Container, { job, folder }: JoinRequest): Promise<void> {
    const place = joinedPlace(folder);
    const isFirst = this.isFirst(container);
    const ends = this.endsOf(container);
    try {
      if (!isFirst) this.checkJoin();
      await this.members.admit(container);
    } catch (error) {
      container.discard();
      throw error;
    }
    container.unwanted.catch(() => ends.kill(container));
    try {
      await this.makeInGuest(container, job, place);
    } catch (error) {
      container.discard();
      const undone = ends.undo(container, place, error);
      this.members.keep(
        job.record.id,
        undone.then(() => {}),
      );
      throw await undone;
    }
    // Beside the end of the VM, which needs no network.
    if (isFirst) void container.exited.then(() => this.network.close());
    this.members.keep(job.record.id, ends.live(container, place));
  }

  /** @throws BAD_STATE */
  private checkJoin(): void {
    if (this.microvm.isEnding || this.status !== "running")
      throw new NkError(
        "BAD_STATE",
        `the VM ${this.id} is ${this.microvm.isEnding ? "ending" : this.status}`,
      );
  }

  /** What is done on the host, hooks above all, is done beside the boot. */
  private async makeInGuest(
    container: Container,
    job: JoinRequest["job"],
    place: JoinedPlace,
  ): Promise<void> {
    const ready = Promise.all([this.booted.promise, this.prepare(container)]);
    const [guest] = await Promise.race([ready, container.unwanted]);
    // Of one that came to a VM which runs already: what it needs was not known at the boot.
    checkKernelFeatures(this.microvm.shape.kernel, configNeeds(job.guestConfig));
    const { agent } = this.microvm.running();
    const isFirst = this.isFirst(container);
    if (isFirst) await Promise.race([this.network.tell(guest), container.unwanted]);
    await Promise.race([container.create(agent, guestPlace(place, guest, job.proof)), container.unwanted]);
    if (isFirst) await Promise.race([this.owner.containerMade(), container.unwanted]);
    container.created();
    if (job.startAtOnce) await this.start(container);
    if (!isFirst) container.handedOver();
  }

  /** Its hooks may put interfaces into its namespace, which its VM takes. */
  private async prepare(container: Container): Promise<void> {
    await container.prepare();
    if (this.isFirst(container)) await this.connect(container);
  }

  private setStatus(status: MachineStatus): void {
    this.status = status;
    this.owner.setStatus(status);
  }
}
