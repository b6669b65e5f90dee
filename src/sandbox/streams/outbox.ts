import { encodeFrame, encodeHeader } from "../../agent/frame-codec.ts";

/** Payloads up to this are copied; larger ones go out as they are. */
const COPY_MAX_BYTES = 4096;
const PAGE_BYTES = 64 * 1024;

/**
 * Frames on their way to a socket. Small ones are put together: a guest may send its output byte by byte, and a buffer for each
 * frame would cost twenty times its bytes.
 */
export class Outbox {
  private parts: Buffer[] = [];
  private page = Buffer.alloc(0);
  private used = 0;
  private total = 0;

  get bytes(): number {
    return this.total;
  }

  add(type: number, streamId: number, payload: Buffer): void {
    if (payload.length > COPY_MAX_BYTES) {
      this.endPage();
      this.parts.push(encodeHeader(type, streamId, payload.length), payload);
      this.total += payload.length;
      return;
    }
    const frame = encodeFrame(type, streamId, payload);
    if (this.used + frame.length > this.page.length) {
      this.endPage();
      this.page = Buffer.allocUnsafeSlow(PAGE_BYTES);
    }
    this.used += frame.copy(this.page, this.used);
    this.total += frame.length;
  }

  /** All that was added, in order; the outbox is empty afterwards. */
  take(): Buffer[] {
    this.endPage();
    const { parts } = this;
    this.parts = [];
    this.total = 0;
    return parts;
  }

  private endPage(): void {
    if (this.used > 0) this.parts.push(this.page.subarray(0, this.used));
    this.page = this.page.subarray(this.used);
    this.used = 0;
  }
}
