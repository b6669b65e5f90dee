import { chownSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Deadline } from "../../base/deadline.ts";
import { NkError } from "../../base/errors.ts";
import { BoundedLog } from "../../host/bounded-log.ts";
import { spawnDaemon, type DaemonProcess } from "../../host/daemon-process.ts";
import type { Card } from "../../host/card.ts";
import { sandboxUser } from "../../host/sandbox-user.ts";
import type { Disk } from "../../image/root-disks.ts";
import type { GuestMount, Share } from "../../share/share.ts";
import { traced } from "../../trace/channels.ts";
import { tapOf } from "../card.ts";
import { closeLogs, NEVER_BOOTED, openLogs, tailOf, type VmLogs } from "../logs.ts";
import type { VirtualMachine, VmExit, VmSpec } from "../virtual-machine.ts";
import type { VmmMetrics } from "../vmm-metrics.ts";
import { agentSocketPath, qmpSocketPath } from "./argv.ts";
import { cardSocketPath } from "./card.ts";
import { QEMU, vmmArgv, vmmCommand } from "./command.ts";
import { openShare } from "./open-share.ts";
import { QemuProcess } from "./process.ts";
import { devicesOf } from "./program-root.ts";
import { shareDevice, type ShareDevice } from "./share-device.ts";

/** One VM under QEMU; see `VirtualMachine` for what may be called when. */
export class QemuMachine implements VirtualMachine {
  /** It would, but asking QEMU is quicker. */
  readonly endsWithGuest = false;
  readonly exited: Promise<VmExit>;
  readonly disksReady: Promise<void>;
  private readonly spec: VmSpec;
  private readonly logs: VmLogs;
  /** Of its own: its server tells each step, and nothing in it explains the end of a guest. */
  private readonly shareLog: BoundedLog;
  private readonly folder: Share | undefined;
  private process: QemuProcess | undefined;
  private settleExit: (exit: VmExit | Promise<VmExit>) => void = () => {};

  constructor(spec: VmSpec) {
    this.spec = spec;
    const { stateDir, shape, folder } = spec;
    this.logs = openLogs(stateDir);
    this.shareLog = new BoundedLog(join(stateDir, "share.log"));
    this.folder = openShare(shape, folder, stateDir, this.shareLog, spec.started);
    this.exited = new Promise((resolve) => {
      this.settleExit = resolve;
    });
    this.disksReady = spec.disks.ready.then(() => {});
    this.disksReady.catch(() => {});
  }

  get shareMount(): GuestMount | undefined {
    return this.folder?.mount;
  }

  get card(): Card | undefined {
    const { process, spec } = this;
    const { card } = spec.shape;
    if (card === undefined || process?.pid === undefined) return undefined;
    if (card.backend === "tap") return tapOf(spec.shape, process.pid);
    if (card.backend === "passt") return { socket: cardSocketPath(spec.stateDir), program: card.program };
    return { forward: (port) => process.forward(port) };
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  async boot(deadline: Deadline): Promise<void> {
    if (this.process !== undefined) throw new NkError("INTERNAL", "the VM was booted before");
    // QEMU's command line names the disks: it cannot start before they are there.
    const [disks] = await Promise.all([
      deadline.suspend(this.whileShared(this.spec.disks.ready)),
      this.folder?.start(deadline),
    ]);
    const argv = vmmArgv(this.spec, this.device, disks);
    const started = this.spec.started?.take(QEMU);
    const why = `one process is the whole machine; ${this.spec.accelReason}`;
    const notes = { why, what: argv.join(" "), ...(started && { startNs: started.startNs }) };
    await traced("vmm", "start the VMM", notes, async () => {
      const process = new QemuProcess(started ?? (await this.spawn(disks)), argv[0], this.logs);
      this.process = process;
      this.settleExit(process.exited);
      // Whatever the guest reads or writes would hang for ever.
      void this.folder?.failed.then((error) => process.abortWithoutShare(error.message));
      await process.ready(deadline);
    });
  }

  async connectAgent(deadline: Deadline): Promise<Socket> {
    const process = this.started();
    const phase = "connect to the agent's port";
    const socket = connect(agentSocketPath(this.spec.stateDir));
    const connected = new Promise<Socket>((resolve, reject) => {
      socket.once("connect", () => resolve(socket));
      socket.once("error", (cause) =>
        reject(new NkError("VMM", `${phase}: ${cause.message}`, { phase, cause })),
      );
    });
    try {
      return await process.alive(connected, deadline, phase);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  pause(): Promise<void> {
    return this.started().pause();
  }

  resume(): Promise<void> {
    return this.started().resume();
  }

  metrics(): Promise<VmmMetrics> {
    return this.started().metrics();
  }

  attachConsole(stream: Duplex): void {
    this.started().attachConsole(stream);
  }

  async stop(deadline: Deadline): Promise<VmExit> {
    if (this.process === undefined) this.settleExit(NEVER_BOOTED);
    else await this.process.stop(deadline);
    return this.exited;
  }

  async close(): Promise<void> {
    const { process, folder, logs, spec } = this;
    if (process === undefined) {
      this.settleExit(NEVER_BOOTED);
    } else {
      process.kill();
      await process.exited;
      process.close();
    }
    spec.started?.endOthers();
    await folder?.close();
    closeLogs(logs);
    this.shareLog.close();
    for (const path of [agentSocketPath, qmpSocketPath, cardSocketPath])
      rmSync(path(spec.stateDir), { force: true });
  }

  logTail(): string {
    return tailOf(this.logs);
  }

  /** Waits, but not beyond the death of the share's server. */
  private whileShared<T>(promise: Promise<T>): Promise<T> {
    const failed = this.folder?.failed.then((error): never => {
      throw error;
    });
    return failed === undefined ? promise : Promise.race([promise, failed]);
  }

  private started(): QemuProcess {
    if (this.process === undefined) throw new NkError("INTERNAL", "the VM was not booted");
    return this.process;
  }

  private async spawn(disks: readonly Disk[]): Promise<DaemonProcess> {
    const user = sandboxUser(devicesOf(this.spec.shape.accel));
    const command = await vmmCommand(this.spec, this.device, disks, user);
    // What is written to is this VM's alone, and so can be its user's.
    if (command.confinement.user !== undefined)
      for (const { path, readOnly } of disks) if (!readOnly) chownSync(path, user, user);
    return spawnDaemon(command);
  }

  private get device(): ShareDevice | undefined {
    return this.folder && shareDevice(this.folder.transport);
  }
}
