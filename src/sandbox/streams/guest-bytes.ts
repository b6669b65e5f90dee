import type { Duplex } from "node:stream";

const PAGE_BYTES = 64 * 1024;

/**
 * Bytes of a guest on their way to something of the host, one write at a time. Those that wait are put together in pages: a guest may send its credit byte by
 * byte, and a buffer for each would cost a hundred times as much.
 */
export class GuestBytes {
  private readonly to: Duplex;
  private readonly onWritten: (bytes: number) => void;
  private pages: Buffer[] = [];
  private page = Buffer.alloc(0);
  private used = 0;
  private counted = 0;
  private isWriting = false;
  private isLast = false;

  /** @param onWritten told how many bytes of the guest have left */
  constructor(to: Duplex, onWritten: (bytes: number) => void) {
    this.to = to;
    this.onWritten = onWritten;
  }

  /** @param head goes before them, and is not counted */
  add(bytes: Buffer, head?: Buffer): void {
    if (head) this.store(head);
    this.store(bytes);
    this.counted += bytes.length;
    this.flush();
  }

  /** Nothing comes after what was added. */
  end(): void {
    this.isLast = true;
    this.flush();
  }

  private store(bytes: Buffer): void {
    for (let rest = bytes; rest.length > 0;) {
      if (this.used === this.page.length) this.turn();
      const count = rest.copy(this.page, this.used);
      this.used += count;
      rest = rest.subarray(count);
    }
  }

  private turn(): void {
    if (this.used > 0) this.pages.push(this.page.subarray(0, this.used));
    this.page = Buffer.allocUnsafe(PAGE_BYTES);
    this.used = 0;
  }

  private flush(): void {
    if (this.isWriting || this.to.destroyed) return;
    const count = this.counted;
    if (count === 0) {
      if (this.isLast) this.to.end();
      return;
    }
    const parts = [...this.pages, this.page.subarray(0, this.used)];
    this.pages = [];
    this.page = Buffer.alloc(0);
    this.used = 0;
    this.counted = 0;
    this.isWriting = true;
    this.to.write(Buffer.concat(parts), (error) => {
      this.isWriting = false;
      if (error) return;
      this.onWritten(count);
      this.flush();
    });
  }
}
