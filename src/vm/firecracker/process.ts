import { closeSync, constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { PassThrough } from "node:stream";
import { Deadline } from "../../base/deadline.ts";
import { startDaemon, type Daemon } from "../../host/daemon.ts";
import { FifoReader, makeFifos } from "../../host/fifo.ts";
import { SERVER_GRACE_MS } from "../../share/share.ts";
import { attachConsole } from "../console.ts";
import { CONSOLE_SEARCH_BYTES, type VmLogs } from "../logs.ts";
import type { VmExit } from "../virtual-machine.ts";
import { sendCtrlAltDel } from "./api/actions.ts";
import type { FirecrackerApi } from "./api/api.ts";
import { ApiError } from "./api/api-error.ts";
import { connectWhenReady } from "./api/ready.ts";
import { EXIT_CODES, explainExit, type ShutdownNotes } from "./exit.ts";
import { MAX_FILES } from "./jail.ts";
import type { Place, PlaceFile } from "./place.ts";

/** The named pipes between Firecracker and us: a guest that makes it talk must not be able to fill a disk. */
export interface Fifos {
  /** The guest's keyboard: Firecracker reads no other kind of standard input but a terminal. */
  keys: string;
  log: string;
  metrics: string;
}

export function fifosIn(stateDir: string): Fifos {
  return {
    keys: join(stateDir, "keys.fifo"),
    log: join(stateDir, "log.fifo"),
    metrics: join(stateDir, "metrics.fifo"),
  };
}

/** Between the end of the API's connection and that of the process, when it is the process that ends. */
const DEATH_GRACE_MS = 2000;

/** One running Firecracker, with its API. `start` first. */
export class FirecrackerProcess {
  /** Settles once, when Firecracker has ended; never rejects. */
  readonly exited: Promise<VmExit>;
  /** For people. */
  readonly commandLine: string;
  private readonly daemon: Daemon;
  private readonly place: Place;
  private readonly logs: VmLogs;
  private readonly readers: readonly FifoReader[];
  private readonly keys: Socket;
  private readonly output = new PassThrough();
  private readonly notes: ShutdownNotes = { stopping: false };
  private answering: FirecrackerApi | undefined;

  /** Starts it. @param onMetrics gets what it writes about itself */
  static async start(
    place: Place,
    files: readonly PlaceFile[],
    fifos: Fifos,
    logs: VmLogs,
    onMetrics: (chunk: Buffer) => void,
  ): Promise<FirecrackerProcess> {
    await makeFifos(Object.values(fifos) as string[]);
    return new FirecrackerProcess(place, files, fifos, logs, onMetrics);
  }

  private constructor(
    place: Place,
    files: readonly PlaceFile[],
    fifos: Fifos,
    logs: VmLogs,
    onMetrics: (chunk: Buffer) => void,
  ) {
    this.place = place;
    this.logs = logs;
    const argv = place.argv(files);
    this.commandLine = argv.join(" ");
    this.readers = [
      new FifoReader(fifos.log, (chunk) => logs.vmm.write(chunk)),
      new FifoReader(fifos.metrics, onMetrics),
    ];
    const stdin = openSync(fifos.keys, constants.O_RDWR);
    this.daemon = startDaemon({
      name: "Firecracker",
      argv,
      log: logs.vmm,
      onStdout: (chunk) => this.onConsole(chunk),
      stdin,
      changesUser: place.changesUser,
      ownNetwork: place.hasCard,
      maxFiles: MAX_FILES,
      exitCodes: EXIT_CODES,
    });
    closeSync(stdin);
    this.keys = new Socket({
      fd: openSync(fifos.keys, constants.O_RDWR | constants.O_NONBLOCK),
      readable: false,
      writable: true,
    });
    this.keys.on("error", () => {});
    this.exited = this.daemon.exited.then((exit) => {
      // What it said last explains its end.
      for (const reader of this.readers) reader.close();
      return explainExit(exit, this.notes, logs.console.tail(CONSOLE_SEARCH_BYTES));
    });
  }

  get pid(): number | undefined {
    return this.daemon.pid;
  }

  get running(): boolean {
    return this.daemon.running;
  }

  /** Waits for the API. @throws VMM, TIMEOUT, UNSUPPORTED with the phase and the log. */
  async ready(deadline: Deadline): Promise<FirecrackerApi> {
    const phase = "start the VMM";
    const { pid } = this;
    const death = this.daemon.exited.then((exit): never => {
      throw this.daemon.deathError(exit, phase);
    });
    if (pid === undefined) return death;
    try {
      this.answering = await connectWhenReady(this.place.apiSocket(pid), death, deadline);
    } catch (error) {
      throw await this.explained(error, phase);
    }
    this.place.entered(pid);
    return this.answering;
  }

  /** As `Daemon.alive`: waits, but not beyond Firecracker's death. */
  async alive<T>(promise: Promise<T>, deadline: Deadline, phase: string): Promise<T> {
    try {
      return await this.daemon.alive(promise, deadline, phase);
    } catch (error) {
      throw await this.explained(error, phase);
    }
  }

  /** The end of the connection is seen before the end of the process, which says more. */
  private async explained(error: unknown, phase: string): Promise<unknown> {
    if (!(error instanceof ApiError) || error.status !== undefined || error.code === "TIMEOUT") return error;
    const exit = await Deadline.after(DEATH_GRACE_MS)
      .race(this.daemon.exited, phase)
      .catch(() => undefined);
    return exit === undefined ? error : this.daemon.deathError(exit, phase);
  }

  /** See `VirtualMachine.attachConsole`. */
  attachConsole(stream: Duplex): void {
    attachConsole(this.output, this.keys, stream);
  }

  /**
   * A guest whose agent was told to end needs a moment; then it is asked by Ctrl-Alt-Del, which only a kernel with a keyboard hears, then Firecracker
   * is by SIGTERM, and by SIGKILL at the end. Never throws.
   */
  async stop(deadline: Deadline): Promise<VmExit> {
    const totalMs = deadline.remainingMs();
    const steps: [number, () => void][] = [
      [0.2, () => this.pressCtrlAltDel(deadline)],
      [0.4, () => this.terminate()],
      [1, () => this.kill()],
    ];
    const timers = steps.map(([part, act]) => setTimeout(act, totalMs * part));
    const exit = await this.exited;
    for (const timer of timers) clearTimeout(timer);
    return exit;
  }

  /** Ends Firecracker at once. */
  kill(): void {
    this.notes.stopping = true;
    this.daemon.kill("SIGKILL");
  }

  /** Ends Firecracker because the VM can no longer work, unless it is Firecracker's own end that the VM no longer works. */
  async abort(reason: string): Promise<void> {
    if ((await this.daemon.endsWithin(SERVER_GRACE_MS)) || this.notes.stopping) return;
    this.notes.broken = reason;
    this.daemon.kill("SIGKILL");
  }

  close(): void {
    this.answering?.close();
    this.keys.destroy();
    this.output.destroy();
  }

  private terminate(): void {
    this.notes.stopping = true;
    this.daemon.kill("SIGTERM");
  }

  /** 204 says that the keys lie in a buffer, not that anybody reads them; a connection that breaks may be its success. */
  private pressCtrlAltDel(deadline: Deadline): void {
    if (this.answering) void sendCtrlAltDel(this.answering, deadline).catch(() => {});
  }

  private onConsole(chunk: Buffer): void {
    this.logs.console.write(chunk);
    // Nobody may be attached: then what is kept here would only grow.
    if (this.output.listenerCount("data") > 0) this.output.write(chunk);
  }
}
