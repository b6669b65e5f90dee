import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from "node:fs";

/** What a shell makes of `<(command)`, and what leads to standard input. */
const DESCRIPTOR = /^\/(?:dev|proc\/self)\/fd\/(\d{1,9})$/;

/**
 * Reads a file that somebody else has named. A fifo, a socket or a device at that path is refused: the open of a fifo waits for a writer, for ever
 * perhaps, and no signal handler of ours would run meanwhile. A descriptor that the caller has opened for us (`/dev/stdin`, `/dev/fd/N`) may be
 * anything, and is read to its end.
 * @throws Error with what is there instead ("it is a fifo, not a file"), or the system's
 */
export function readNamedFile(path: string): Buffer {
  const number = path === "/dev/stdin" ? "0" : DESCRIPTOR.exec(path)?.[1];
  if (number !== undefined) return readFileSync(Number(number));
  const fd = openNamedFile(path);
  try {
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The same, for whoever reads parts of it. Descriptors of the caller have to be files, too. The result is the caller's to close. */
export function openNamedFile(path: string): number {
  const fd = openAtOnce(path);
  const stat = fstatSync(fd);
  if (stat.isFile()) return fd;
  closeSync(fd);
  throw new Error(`it is ${kindOf(stat)}, not a file`);
}

/** open(2): with O_NONBLOCK the open of a fifo does not wait; a socket, and a device without a driver, is ENXIO. */
function openAtOnce(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
    throw new Error("it is a socket or a device, not a file", { cause: error });
  }
}

function kindOf(stat: Stats): string {
  if (stat.isDirectory()) return "a folder";
  return stat.isFIFO() ? "a fifo" : "a device";
}
