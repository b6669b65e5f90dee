import { statSync } from "node:fs";
import type { Duplex } from "node:stream";
import { once } from "node:events";
import { Deadline } from "../../../../src/base/deadline.ts";
import { QmpClient, type QmpEvent } from "../../../../src/vm/qemu/qmp-client.ts";
import { startDaemon } from "./daemon.ts";
import type { GuestDrive, GuestHardware } from "./guest.ts";
import { qemuCommand, type Accel } from "./qemu-command.ts";
import { SilentGuest } from "./silent-guest.ts";
import { VsockDevice } from "./vsock-device.ts";

const START_MS = 30_000;
const ANSWER_MS = 10_000;

/**
 * The real guest, run by QEMU, with a vsock of its own. It ends with us.
 */
export class QemuGuest extends SilentGuest {
  override readonly canBeSaved = false;
  private readonly accel: Accel;
  private qmp: QmpClient | undefined;
  private vsock: VsockDevice | undefined;
  private replaced = 0;

  constructor(accel: Accel) {
    super();
    this.accel = accel;
  }

  override async start(hardware: GuestHardware): Promise<void> {
    if (hardware.vsock !== undefined) this.vsock = await VsockDevice.start(hardware.vsock);
    const command = qemuCommand(hardware, this.accel);
    const taps = hardware.cards.map(({ fd }) => fd);
    const qemu = startDaemon(command, ["inherit", "inherit", "inherit", "pipe", "pipe", ...taps]);
    const console = qemu.stdio[4] as Duplex;
    console.on("data", (text: Buffer) => hardware.console(text));
    console.on("error", () => {});
    void once(qemu, "exit").then(() => this.fail(new Error("QEMU ended by itself")));
    this.qmp = new QmpClient(qemu.stdio[3] as Duplex, (event) => this.note(event));
    await this.qmp.negotiate(Deadline.after(START_MS));
  }

  private note({ event, data }: QmpEvent): void {
    if (event !== "SHUTDOWN") return;
    if (data["reason"] === "guest-reset") this.end("reboot");
    else if (data["reason"] === "guest-panic") this.end("panic");
    else if (data["reason"] === "guest-shutdown") this.end("poweroff");
  }

  override async pause(): Promise<void> {
    await this.execute("stop");
  }

  override async resume(): Promise<void> {
    await this.execute("cont");
  }

  override async connect(port: number): Promise<Duplex | undefined> {
    return this.vsock?.connect(port);
  }

  /**
   * Puts another file under the disk's node, and tells the guest its size. The node is writable meanwhile, or it could not be told; what
   * is set is the size that the file has.
   */
  override async replaceDrive({ id, path, readOnly }: GuestDrive): Promise<void> {
    const node = `file-${id}-${(this.replaced += 1)}`;
    const drive = { driver: "raw", "node-name": `drive-${id}`, file: node, discard: "unmap" };
    await this.execute("blockdev-add", {
      driver: "file",
      "node-name": node,
      filename: path,
      locking: "off",
      "auto-read-only": true,
      discard: "unmap",
    });
    await this.execute("blockdev-reopen", { options: [{ ...drive, "read-only": false }] });
    await this.execute("block_resize", { "node-name": drive["node-name"], size: statSync(path).size });
    if (readOnly) await this.execute("blockdev-reopen", { options: [{ ...drive, "read-only": true }] });
  }

  private async execute(command: string, args?: object): Promise<void> {
    await this.qmp?.execute(command, args, Deadline.after(ANSWER_MS));
  }
}
