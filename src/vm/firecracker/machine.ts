import { rmSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { Deadline } from "../../base/deadline.ts";
import { NkError } from "../../base/errors.ts";
import { BoundedLog } from "../../host/bounded-log.ts";
import type { NetDevice } from "../../host/net-device.ts";
import type { Disk } from "../../image/root-disks.ts";
import { NinePVsockShare } from "../../share/nine-p-vsock.ts";
import type { GuestMount, Share } from "../../share/share.ts";
import { traced } from "../../trace/channels.ts";
import { tapOf } from "../card.ts";
import { kernelCmdline } from "../kernel-cmdline.ts";
import { closeLogs, NEVER_BOOTED, openLogs, tailOf, type VmLogs } from "../logs.ts";
import type { VmmMetrics } from "../vmm-metrics.ts";
import type { VirtualMachine, VmExit, VmSpec } from "../virtual-machine.ts";
import { AgentListener } from "./agent-listener.ts";
import { flushMetrics, startInstance } from "./api/actions.ts";
import type { FirecrackerApi } from "./api/api.ts";
import { pauseBreaksVsock } from "./api/versions.ts";
import { pauseVm, resumeVm } from "./api/vm.ts";
import { putCard } from "./card.ts";
import { configure, putDisks, standInsFor, swapDisks } from "./configure.ts";
import { MetricsReader } from "./metrics.ts";
import { FIRECRACKER_PARAMETERS } from "./parameters.ts";
import { SHARE_PORT, VSOCK_SOCKET, type Place, type PlaceFile } from "./place.ts";
import { fifosIn, FirecrackerProcess, type Fifos } from "./process.ts";

/** How long an answer may take that Firecracker gives at once, on a host that is busy. */
const ANSWER_TIMEOUT_MS = 5000;
const STAND_IN = "disk.empty";

/** One VM under Firecracker; see `VirtualMachine` for what may be called when. */
export class FirecrackerMachine implements VirtualMachine {
  readonly endsWithGuest = true;
  readonly exited: Promise<VmExit>;
  readonly disksReady: Promise<void>;
  private readonly spec: VmSpec;
  private readonly place: Place;
  private readonly fifos: Fifos;
  private readonly logs: VmLogs;
  private readonly shareLog: BoundedLog;
  private readonly agent = new AgentListener();
  private readonly counted = new MetricsReader();
  private folder: Share | undefined;
  private running: { process: FirecrackerProcess; api: FirecrackerApi } | undefined;
  private process: FirecrackerProcess | undefined;
  private settleExit: (exit: VmExit | Promise<VmExit>) => void = () => {};
  private settleDisks: (done: Promise<void>) => void = () => {};

  constructor(spec: VmSpec, place: Place) {
    this.spec = spec;
    this.place = place;
    this.fifos = fifosIn(spec.stateDir);
    this.logs = openLogs(spec.stateDir);
    this.shareLog = new BoundedLog(join(spec.stateDir, "share.log"));
    this.exited = new Promise((resolve) => {
      this.settleExit = resolve;
    });
    this.disksReady = new Promise((resolve) => {
      this.settleDisks = resolve;
    });
    this.disksReady.catch(() => {});
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  get card(): NetDevice | undefined {
    return tapOf(this.spec.shape, this.pid);
  }

  /** Valid once the VM has booted. */
  get shareMount(): GuestMount | undefined {
    return this.folder?.mount;
  }

  async boot(deadline: Deadline): Promise<void> {
    if (this.process !== undefined) throw new NkError("INTERNAL", "the VM was booted before");
    const { disks } = this.spec;
    const made = this.place.isClosed ? await deadline.suspend(disks.ready) : undefined;
    const process = await this.startProcess(made ?? []);
    const api = await this.enter(process, deadline);
    const phase = "make the VM";
    await traced("vmm", phase, { why: "Firecracker is told of each part by a request" }, () =>
      process.alive(this.make(api, made, deadline), deadline, phase),
    );
  }

  private async startProcess(disks: readonly Disk[]): Promise<FirecrackerProcess> {
    const files = [this.kernel, this.initrd, this.metricsFile, ...disks.map(diskFile)];
    const process = await FirecrackerProcess.start(this.place, files, this.fifos, this.logs, (chunk) =>
      this.counted.push(chunk),
    );
    this.process = process;
    this.settleExit(process.exited);
    return process;
  }

  private enter(process: FirecrackerProcess, deadline: Deadline): Promise<FirecrackerApi> {
    const why = `one process is the whole machine; ${this.spec.accelReason}`;
    return traced("vmm", "start the VMM", { why, what: process.commandLine }, async () => {
      const api = await process.ready(deadline);
      this.running = { process, api };
      return api;
    });
  }

  private async make(
    api: FirecrackerApi,
    made: readonly Disk[] | undefined,
    deadline: Deadline,
  ): Promise<void> {
    const { place, spec } = this;
    const { vcpus, memSizeMib, debug } = spec.shape;
    const cmdline = kernelCmdline({
      own: FIRECRACKER_PARAMETERS,
      accel: "kvm",
      tscKhz: undefined,
      debug,
      extra: spec.extraCmdline,
    });
    await configure(
      api,
      {
        vcpus,
        memSizeMib,
        cmdline,
        kernel: place.pathOf(this.kernel),
        initrd: place.pathOf(this.initrd),
        vsock: place.vsockPath,
        metrics: place.pathOf(this.metricsFile),
      },
      deadline,
    );
    await this.attachCard(api, deadline);
    // Whoever the guest dials must be there before it can dial.
    await this.agent.listen(place.hostVsockPath(), place.owner);
    await this.startShare(deadline);
    const finish = await this.attachDisks(api, made, deadline);
    await startInstance(api, deadline);
    this.settleDisks(finish());
  }

  private async attachCard(api: FirecrackerApi, deadline: Deadline): Promise<void> {
    const { place, pid } = this;
    if (!place.hasCard || pid === undefined) return;
    await putCard(api, deadline);
    await place.cardOpened(pid);
  }

  private async startShare(deadline: Deadline): Promise<void> {
    const { process, place, shareLog } = this;
    const { folder, shape } = this.spec;
    if (shape.server === undefined) return;
    const path = `${place.hostVsockPath()}_${SHARE_PORT}`;
    const { uid, gid } = place.owner ?? { uid: 0, gid: 0 };
    const door = { kind: "unix", path, port: SHARE_PORT, uid, gid } as const;
    this.folder = new NinePVsockShare(shape.server, folder, shareLog, door);
    await this.folder.start(deadline);
    // Whatever the guest reads or writes would hang for ever.
    void this.folder.failed.then((error) => process?.abort(error.message));
  }

  /** @returns what is left to do when the guest runs */
  private async attachDisks(
    api: FirecrackerApi,
    made: readonly Disk[] | undefined,
    deadline: Deadline,
  ): Promise<() => Promise<void>> {
    const { slots, ready } = this.spec.disks;
    const nothingLeft = (): Promise<void> => Promise.resolve();
    const disks = made ?? (await Promise.race([ready, slots.then(() => undefined)]));
    if (disks) {
      await putDisks(api, this.asPlaced(disks), deadline);
      return nothingLeft;
    }
    const standIn = join(this.spec.stateDir, STAND_IN);
    await putDisks(api, standInsFor(await slots, standIn), deadline);
    return async () => {
      await swapDisks(api, await ready, Deadline.after(ANSWER_TIMEOUT_MS));
      rmSync(standIn, { force: true });
    };
  }

  private asPlaced(disks: readonly Disk[]): Disk[] {
    return disks.map((disk, index) => ({ ...disk, path: this.place.pathOf(diskFile(disk, index)) }));
  }

  async connectAgent(deadline: Deadline): Promise<Socket> {
    this.started();
    const phase = "the agent's connection";
    const ended = this.exited.then((exit): never => {
      throw new NkError("BOOT", `the VM ended: ${exit.message}`, { phase });
    });
    return Promise.race([ended, this.agent.next(deadline, phase)]);
  }

  async pause(): Promise<void> {
    const { version } = this.started().api;
    if (pauseBreaksVsock(version)) throw cannotPause(version.text);
    await this.ask("pause the VM", pauseVm);
  }

  async resume(): Promise<void> {
    await this.ask("let the VM go on", resumeVm);
  }

  metrics(): Promise<VmmMetrics> {
    return this.ask("ask Firecracker what it has counted", (api, deadline) =>
      this.counted.readNow(() => flushMetrics(api, deadline), deadline),
    );
  }

  /** A request to a VM that runs, unless it dies meanwhile. */
  private async ask<T>(
    phase: string,
    send: (api: FirecrackerApi, deadline: Deadline) => Promise<T>,
  ): Promise<T> {
    const { process, api } = this.started();
    const deadline = Deadline.after(ANSWER_TIMEOUT_MS);
    return process.alive(send(api, deadline), deadline, phase);
  }

  attachConsole(stream: Duplex): void {
    this.started().process.attachConsole(stream);
  }

  async stop(deadline: Deadline): Promise<VmExit> {
    if (this.process === undefined) this.settleExit(NEVER_BOOTED);
    else await this.process.stop(deadline);
    return this.exited;
  }

  async close(): Promise<void> {
    const { process, place, fifos, logs, spec } = this;
    if (process === undefined) {
      this.settleExit(NEVER_BOOTED);
    } else {
      process.kill();
      await process.exited;
      process.close();
    }
    await this.folder?.close();
    this.agent.close();
    place.close();
    closeLogs(logs);
    this.shareLog.close();
    const names = [STAND_IN, `${VSOCK_SOCKET}_${SHARE_PORT}`].map((name) => join(spec.stateDir, name));
    for (const path of [...(Object.values(fifos) as string[]), ...names]) rmSync(path, { force: true });
  }

  logTail(): string {
    return tailOf(this.logs);
  }

  private get kernel(): PlaceFile {
    return { name: "kernel", path: this.spec.shape.kernel.path, readOnly: true };
  }

  private get initrd(): PlaceFile {
    return { name: "initrd", path: this.spec.shape.initrd, readOnly: true };
  }

  private get metricsFile(): PlaceFile {
    return { name: "metrics", path: this.fifos.metrics, readOnly: false };
  }

  private started(): { process: FirecrackerProcess; api: FirecrackerApi } {
    if (this.running === undefined) throw new NkError("INTERNAL", "the VM was not booted");
    return this.running;
  }
}

function diskFile({ path, file, readOnly }: Disk, index: number): PlaceFile {
  return { name: `disk${index}`, path, file, readOnly };
}

function cannotPause(version: string): NkError {
  return new NkError(
    "UNSUPPORTED",
    `Firecracker ${version} loses the connection to the guest when a VM is paused and goes on (its issue #6074): ` +
      "use 1.16.2 or later, 1.15 or 1.14; or pause the containers in it",
    { phase: "pause the VM" },
  );
}
