import { Fault } from "./http/fault.ts";
import type { Guest } from "./guest/guest.ts";
import type { Log } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { Balloon } from "./resources/balloon.ts";
import { NO_BOOT_SOURCE, type BootSource } from "./resources/boot-source.ts";
import { Drives } from "./resources/drives.ts";
import { DEFAULT_MACHINE_CONFIG } from "./resources/machine-config.ts";
import type { MemoryHotplugConfig } from "./resources/memory-hotplug.ts";
import { Mmds } from "./resources/mmds.ts";
import { Interfaces } from "./resources/network.ts";
import { Pmems } from "./resources/pmem.ts";
import type { RateLimiter } from "./resources/rate-limiter.ts";
import { Serial } from "./serial.ts";
import type { Vsock } from "./resources/vsock.ts";
import type { Traits } from "./version.ts";

export interface VmmOptions {
  id: string;
  traits: Traits;
  log: Log;
  guest: Guest;
  pciEnabled: boolean;
  mmdsSizeLimit: number;
  /** What is to go wrong at InstanceStart: the text of the fault, or it ends the process. */
  beforeStart: () => string | undefined;
  /** The guest runs. */
  afterStart: (vmm: Vmm) => void;
  deafAfterResume: boolean;
}

/** One VM, from nothing to running: what it has been given, and its state. */
export class Vmm {
  readonly id: string;
  readonly traits: Traits;
  readonly log: Log;
  readonly guest: Guest;
  readonly pciEnabled: boolean;
  readonly metrics = new Metrics(() => ({
    drives: this.drives.all().map(({ config }) => config.drive_id),
    interfaces: this.interfaces.ids(),
  }));
  readonly serial = new Serial();
  readonly drives = new Drives();
  readonly interfaces = new Interfaces();
  readonly pmems = new Pmems();
  readonly balloon = new Balloon();
  readonly mmds: Mmds;
  machine = DEFAULT_MACHINE_CONFIG;
  bootSource: BootSource | undefined;
  vsock: Vsock | undefined;
  entropy: { rate_limiter: RateLimiter | null } | null = null;
  memoryHotplug: MemoryHotplugConfig | null = null;
  state: "Not started" | "Running" | "Paused" = "Not started";
  /** Something of a new VM was configured: a snapshot can no longer be loaded. */
  bootPath = false;
  private readonly options: VmmOptions;

  constructor(options: VmmOptions) {
    this.id = options.id;
    this.traits = options.traits;
    this.log = options.log;
    this.guest = options.guest;
    this.pciEnabled = options.pciEnabled;
    this.mmds = new Mmds(options.mmdsSizeLimit);
    this.options = options;
  }

  get started(): boolean {
    return this.state !== "Not started";
  }

  /** InstanceStart. What is refused leaves all as it was. @throws Fault */
  async start(): Promise<void> {
    const { bootSource, machine } = this;
    if (bootSource === undefined)
      throw new Fault("Start microvm error: Cannot start microvm without kernel configuration.");
    const refusal = this.options.beforeStart();
    if (refusal !== undefined) throw new Fault(`Start microvm error: ${refusal}`);
    bootSource.check(this.traits, machine.mem_size_mib);
    await this.runGuest(bootSource);
    this.state = "Running";
    this.metrics.write();
    this.metrics.writePeriodically();
    this.options.afterStart(this);
  }

  private async runGuest(bootSource: BootSource): Promise<void> {
    await this.guest.start({
      machine: this.machine,
      kernel: bootSource.config.kernel_image_path,
      initrd: bootSource.config.initrd_path,
      cmdline: this.cmdline(bootSource.cmdline),
      drives: this.drives
        .all()
        .map(({ config, path, readOnly }) => ({ id: config.drive_id, path, readOnly })),
      cards: this.interfaces.cards(),
      vsock: this.vsock,
      console: (text) => this.serial.write(text),
    });
    this.vsock?.attach((port) => this.guest.connect(port));
  }

  /** Firecracker adds these before the arguments for init. */
  private cmdline(args: string): string {
    const [kernel = "", ...init] = args.split(" -- ");
    const root = this.drives.all().find(({ config }) => config.is_root_device);
    const device = root?.config.partuuid ? `PARTUUID=${root.config.partuuid}` : "/dev/vda";
    const added = [
      this.pciEnabled ? "" : " pci=off",
      root === undefined ? "" : ` root=${device} ${root.readOnly ? "ro" : "rw"}`,
    ];
    return [`${kernel}${added.join("")}`, ...init].join(" -- ");
  }

  async pause(): Promise<void> {
    if (this.state === "Paused") return;
    this.vsock?.pause();
    await this.guest.pause();
    this.state = "Paused";
  }

  async resume(): Promise<void> {
    if (this.state === "Running") return;
    await this.guest.resume();
    this.vsock?.resume(this.options.deafAfterResume);
    this.state = "Running";
  }

  /** GET /vm/config. */
  config(): object {
    const { vsock, bootSource } = this;
    return {
      balloon: this.balloon.config ?? null,
      drives: this.drives.configs(),
      "boot-source": bootSource?.config ?? NO_BOOT_SOURCE,
      "cpu-config": null,
      logger: null,
      "machine-config": this.machine,
      metrics: null,
      "mmds-config": this.mmds.config,
      "network-interfaces": this.interfaces.configs(),
      vsock:
        vsock === undefined ? null : { guest_cid: vsock.config.guest_cid, uds_path: vsock.config.uds_path },
      entropy: this.entropy,
      pmem: this.pmems.configs(),
      "memory-hotplug": this.memoryHotplug,
    };
  }
}
