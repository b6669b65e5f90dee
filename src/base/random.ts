import { closeSync, openSync, readSync } from "node:fs";

/** Bytes from the kernel's generator. node:crypto takes 2 ms to load, in a command and in a monitor. */
export function randomBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count);
  const fd = openSync("/dev/urandom", "r");
  try {
    // The kernel gives up to 256 bytes in one piece (random(4)); more is asked for until all are there.
    for (let got = 0; got < count;) got += readSync(fd, bytes, got, count - got, null);
  } finally {
    closeSync(fd);
  }
  return bytes;
}
