import type { Socket } from "node:net";
import { randomBytes } from "../../base/random.ts";
import { AgentClient } from "../../agent/agent-client.ts";
import { AgentConnection } from "../../agent/connection.ts";
import { newMarks } from "../../agent/marks.ts";
import type { AgentEvent, HelloEvent } from "../../agent/messages.ts";
import { Deadline } from "../../base/deadline.ts";
import { asNkError, NkError } from "../../base/errors.ts";
import type { StartedDaemons } from "../../host/started-daemon.ts";
import type { FeatureName } from "../../image/kernel-features.ts";
import { NO_DISKS, type RootDisks, type RootLayout } from "../../image/root-disks.ts";
import { GUEST_SHARE, SHARED_PROOF } from "../../oci/guest-mounts.ts";
import type { Settings } from "../../oci/settings.ts";
import { publishSpan, traced } from "../../trace/channels.ts";
import { guestClock, type GuestClock } from "../../trace/guest-clock.ts";
import { kernelPhases } from "../../trace/kernel-phases.ts";
import { loadDriver } from "../../vm/drivers.ts";
import type { VirtualMachine, VmExit } from "../../vm/virtual-machine.ts";
import type { Settled } from "../../vm/driver.ts";
import { beginDisks } from "./begin-disks.ts";
import { HELLO, lossInBoot, lossOf } from "./loss.ts";
import type { DiskRoot } from "../../contract/job.ts";
import type { StreamRouter } from "../streams/stream-router.ts";

/** Under software emulation on a machine that is busy otherwise, a boot of a distribution kernel takes up to half a minute. */
const BOOT_TIMEOUT_MS = 120_000;
/** Unmounting and syncing; the VM is ended by force afterwards. */
const SHUTDOWN_TIMEOUT_MS = 10_000;

/** What a guest is booted with. */
export interface GuestSpec {
  /** Of the VM; the guest's host name as well. */
  id: string;
  settings: Settings;
  settled: Settled;
  /** What its container asks of its kernel, and by what (config-needs.ts). */
  needs: ReadonlyMap<FeatureName, string>;
  stateDir: string;
  /** The shadow whose tree the guest gets. */
  shadowPid: number;
  /** What its proof says (`newProof`). */
  proof: string;
  /** Every step is shown: the guest's kernel and agent talk more. */
  narrate: boolean;
  /** What the launcher has started of the VM. */
  started: StartedDaemons;
  /** The root file system is a disk, and the share has only volumes. */
  disk?: DiskRoot | undefined;
}

/** The VM and the agent in it: booted once, ended once. */
export class Guest {
  readonly agent: AgentClient;
  readonly vm: VirtualMachine;
  readonly hello: HelloEvent;
  /** What the container's root file system is on, when it is not shared. */
  root: RootLayout | undefined;
  /** Settles when the VM or the agent's connection ended for good, without `end` having been called. */
  readonly lost: Promise<NkError>;
  private readonly rootDisks: RootDisks | undefined;
  private readonly connection: AgentConnection;
  private readonly clock: GuestClock;
  private readonly marks = newMarks();

  private narrate = false;
  private runtime = "crun";

  private constructor(
    vm: VirtualMachine,
    rootDisks: RootDisks | undefined,
    connection: AgentConnection,
    hello: HelloEvent,
    clock: GuestClock,
  ) {
    this.vm = vm;
    this.rootDisks = rootDisks;
    this.connection = connection;
    this.agent = new AgentClient(connection);
    this.hello = hello;
    this.clock = clock;
    this.lost = lossOf(vm, connection);
  }

  /**
   * Boots the VM, says so, waits for the agent, tells it its environment, and waits for the disks. Everything is released again on failure.
   * @throws BOOT, VMM, AGENT or TIMEOUT errors with the phase and the tail of console and VMM log, and as `RootDisks`
   */
  static async boot(
    spec: GuestSpec,
    router: StreamRouter,
    onStarted: (vm: VirtualMachine) => void,
    onEvent: (event: AgentEvent, clock: GuestClock | undefined) => void,
  ): Promise<Guest> {
    const rootDisks = beginDisks(spec);
    const deadline = Deadline.after(BOOT_TIMEOUT_MS);
    let vm: VirtualMachine | undefined;
    try {
      vm = await createVm(spec, rootDisks);
      await vm.boot(deadline);
      onStarted(vm);
      return await Guest.meet(spec, vm, rootDisks, router, onEvent, deadline);
    } catch (error) {
      const log = vm?.logTail() ?? "";
      await vm?.close();
      await rootDisks?.close();
      throw withLog(asNkError(error), log);
    }
  }

  private static async meet(
    spec: GuestSpec,
    vm: VirtualMachine,
    rootDisks: RootDisks | undefined,
    router: StreamRouter,
    onEvent: (event: AgentEvent, clock: GuestClock | undefined) => void,
    deadline: Deadline,
  ): Promise<Guest> {
    let clock: GuestClock | undefined;
    const listen = (event: AgentEvent): void => {
      if (event.event === "hello") clock = guestClock(event.helloUs, process.hrtime.bigint());
      onEvent(event, clock);
    };
    const met = await traced("kernel", "boot until the agent's hello", { why: BOOT_WHY }, async () => {
      const connection = new AgentConnection(await vm.connectAgent(deadline), router, listen);
      router.use(connection);
      const lost = lossInBoot(vm, connection);
      const said = Promise.race([connection.hello.catch(() => lost), lost]);
      return { connection, lost, hello: await deadline.race(said, HELLO) };
    });
    const { connection, lost, hello } = met;
    const guest = new Guest(
      vm,
      rootDisks,
      connection,
      hello,
      clock ?? guestClock(hello.helloUs, process.hrtime.bigint()),
    );
    await guest.configure(spec).catch(async (error: unknown) => {
      throw await guest.explain(error);
    });
    guest.outlive(router);
    await deadline.suspend(Promise.race([guest.takeDisks(), lost]));
    return guest;
  }

  /** From now on the end of the connection is not that of the VM. */
  private outlive(streams: StreamRouter): void {
    const { vm, marks } = this;
    const why = "the connection broke, and what runs in the guest goes on";
    const dial = (deadline: Deadline): Promise<Socket> =>
      traced("monitor", "connect to the agent again", { why }, () => vm.connectAgent(deadline));
    this.connection.outlive({ marks, dial, exited: vm.exited, streams });
  }

  /** The VM may have booted while they were made. */
  private async takeDisks(): Promise<void> {
    await this.vm.disksReady;
    this.rootDisks?.inUse();
    this.root = await this.rootDisks?.layout;
  }

  private async configure({ id, settings, proof, narrate }: GuestSpec): Promise<void> {
    this.narrate = narrate;
    this.runtime = settings.vmRuntime;
    await this.introduce(id);
    await this.mountShare(proof);
  }

  /** Tells the guest what it cannot know: its name, its runtime, the time, and random numbers that no other guest has. */
  async introduce(id: string): Promise<void> {
    const members = {
      hostname: id.slice(0, 63),
      runtime: this.runtime,
      realtimeNs: realtimeNs(),
      debug: this.narrate,
    };
    const what = `${JSON.stringify({ type: "configure", ...members })}, 64 random bytes, and marks for a later connection`;
    const entropy = randomBytes(64).toString("base64");
    await traced("agent", "configure the guest", { why: CONFIGURE_WHY, what }, () =>
      this.agent.configure({ ...members, entropy, marks: this.marks }),
    );
  }

  private async mountShare(text: string): Promise<void> {
    const { shareMount } = this.vm;
    if (!shareMount) return;
    const proof = { path: `${GUEST_SHARE}${SHARED_PROOF}`, text };
    const { fstype, source, options, vsockPort } = shareMount;
    await traced(
      "agent",
      "mount the sandbox's tree",
      {
        why: "the share is a device or a port until it is mounted",
        what: `mount -t ${fstype} ${options === "" ? "" : `-o ${options} `}${source} ${GUEST_SHARE}${vsockPort === undefined ? "" : `, over vsock port ${vsockPort}`}`,
      },
      () => this.agent.mountProven({ target: GUEST_SHARE, ...shareMount }, proof),
    );
  }

  /** Tells the guest what time it is: its clock stands still while its CPUs do. */
  setClock(): Promise<void> {
    const why = "its clock has stood still, and everything in it believes that clock";
    return traced("agent", "set the guest's clock", { why }, () =>
      this.agent.setClock(realtimeNs(), this.narrate),
    );
  }

  /** Why something that was asked of the guest failed: when the connection has ended, the end of the VM says more. */
  async explain(error: unknown): Promise<unknown> {
    return this.connection.over ? this.lost : error;
  }

  /** Publishes what the guest's kernel did while it booted; asked for when the container runs, so that its start does not wait. */
  async traceKernel(): Promise<void> {
    for (const span of kernelPhases(await this.agent.kernelLog(), this.clock)) publishSpan(span);
  }

  /** Gives a guest up that does not answer: its VM is switched off. */
  abandon(): void {
    this.connection.close();
    void this.vm.stop(Deadline.after(0));
  }

  /** Unmounts in the guest, then ends the VM: orderly if the guest still answers. */
  async end(): Promise<VmExit> {
    const why = "what is still in the guest's cache must reach the host";
    try {
      await traced("agent", "shut the guest down", { why }, () => this.shutDown());
    } catch {
      // A guest that is gone or hangs cannot be asked; the VM is ended all the same.
    }
    this.connection.close();
    const exit = await traced("vmm", "end the VM", { why: "nothing runs in it any more" }, () =>
      this.vm.stop(Deadline.after(SHUTDOWN_TIMEOUT_MS)),
    );
    await this.vm.close();
    await this.rootDisks?.close();
    return exit;
  }

  private async shutDown(): Promise<void> {
    const { endsWithGuest } = this.vm;
    this.connection.mayEnd();
    try {
      const mode = endsWithGuest ? "poweroff" : "none";
      await this.agent.shutdown(mode, Deadline.after(SHUTDOWN_TIMEOUT_MS));
    } catch (error) {
      // A guest that ends the VM may take its last answer along.
      if (!endsWithGuest || !this.connection.over) throw error;
    }
  }
}

/** Nanoseconds since 1970, for the agent. */
function realtimeNs(): string {
  return (BigInt(Date.now()) * 1_000_000n).toString();
}

const CONFIGURE_WHY = "the guest has no clock, name or entropy of its own";
const BOOT_WHY = "the agent's first message is the sign that the guest is ready; nothing is polled";

async function createVm(
  { id, settled, stateDir, shadowPid, started }: GuestSpec,
  rootDisks: RootDisks | undefined,
): Promise<VirtualMachine> {
  const { shape, reasons } = settled;
  const driver = await loadDriver(shape.vmm);
  return driver.create({
    id,
    stateDir,
    shape,
    accelReason: reasons.accel,
    extraCmdline: "",
    netns: `/proc/${shadowPid}/ns/net`,
    folder: { shadowPid },
    disks: rootDisks ?? NO_DISKS,
    started,
  });
}

/** The log goes into the error: the folder with the files is removed with the container. */
function withLog(error: NkError, log: string): NkError {
  if (error.log !== undefined || log === "") return error;
  return new NkError(error.code, error.message, { ...error.toJson(), log, cause: error });
}
