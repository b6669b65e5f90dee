import type { Duplex } from "node:stream";
import type { Guest, GuestDrive, GuestEnd, GuestHardware } from "./guest.ts";

/** A guest that says that it boots, and from then on sleeps: it dials nobody and answers nobody. */
export class SilentGuest implements Guest {
  readonly canBeSaved: boolean = true;
  readonly ended: Promise<GuestEnd>;
  protected end: (how: GuestEnd) => void = () => {};
  protected fail: (error: unknown) => void = () => {};

  constructor() {
    this.ended = new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
    });
  }

  async start({ console, cmdline }: GuestHardware): Promise<void> {
    // Its CPU runs on, also where there is no API that could keep this process from ending.
    setInterval(() => {}, 3_600_000);
    console(Buffer.from(`[    0.000000] Command line: ${cmdline}\r\n`));
  }

  async pause(): Promise<void> {}

  async resume(): Promise<void> {}

  async connect(_port: number): Promise<Duplex | undefined> {
    return undefined;
  }

  async replaceDrive(_drive: GuestDrive): Promise<void> {}

  ctrlAltDel(): void {}
}
