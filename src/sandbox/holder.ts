import { Socket } from "node:net";
import { ShadowLink } from "./streams/shadow-link.ts";

/** The process that has the mount namespace of a sandbox's tree: it is there as long as the sandbox is, and the one ends with the other. */
export class Holder {
  readonly pid: number;
  /** Called when it has gone, or was sent a signal that should end the sandbox. */
  onEnd: () => void = () => {};
  private readonly link: ShadowLink;

  /** @param fd the connection to it */
  constructor(fd: number, pid: number) {
    this.pid = pid;
    this.link = new ShadowLink(new Socket({ fd, readable: true, writable: true }));
    const end = (): void => this.onEnd();
    this.link.attach({ stream() {}, control() {}, resize() {}, signal: end, gone: end });
  }

  /** Lets it end. Twice is allowed. */
  dismiss(): void {
    this.link.sendExit(0);
  }

  /** Resolves when it has ended. */
  gone(): Promise<void> {
    return this.link.closed();
  }
}
