import type { Socket } from "node:net";
import type { Writable } from "node:stream";

/** More than a well-behaved peer has on its way on all streams of one process, so that it is never held back by this. */
const MAX_QUEUED_BYTES = 1024 * 1024;

/**
 * Reads no more from `source` while too much of it waits in `sink`, which is not being read. Credit bounds what peers that keep to the
 * protocol have on its way; this bounds the others.
 */
export function holdBack(source: Socket, sink: Writable): void {
  if (sink.writableLength <= MAX_QUEUED_BYTES || source.isPaused()) return;
  const resume = (): void => {
    sink.off("drain", resume);
    sink.off("close", resume);
    source.resume();
  };
  source.pause();
  sink.on("drain", resume);
  sink.on("close", resume);
}
