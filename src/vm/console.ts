import type { Duplex, Readable, Writable } from "node:stream";

/** What is written to a stream that does not keep up; more is dropped for it, as by a slow terminal. */
const MAX_BEHIND_BYTES = 256 * 1024;

/**
 * Connects a stream to a guest's console, until either ends.
 * @param output what the guest says: others may read it too
 * @param input what it hears
 */
export function attachConsole(output: Readable, input: Writable, stream: Duplex): void {
  const pass = (chunk: Buffer): void => {
    if (stream.writableLength < MAX_BEHIND_BYTES) stream.write(chunk);
  };
  output.on("data", pass);
  stream.on("data", (chunk: Buffer) => {
    if (input.writableLength < MAX_BEHIND_BYTES) input.write(chunk);
  });
  const end = (): void => {
    stream.destroy();
  };
  output.once("close", end);
  stream.once("close", () => {
    output.off("data", pass);
    output.off("close", end);
  });
  stream.on("end", end);
  stream.on("error", () => {}); // its end is all there is to know
}
