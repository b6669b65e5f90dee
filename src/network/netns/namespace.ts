import { closeSync, constants, fstatSync, openSync, readlinkSync, statfsSync, statSync } from "node:fs";
import { NkError } from "../../base/errors.ts";
import { reasonOf } from "../../base/system-error.ts";

/** Of the file system that namespaces are files of (linux/magic.h). */
const NSFS_MAGIC = 0x6e_73_66_73;

/** A network namespace, which stays the same whatever becomes of the path it was opened by. */
export class Namespace {
  /** As it was given, for people. */
  readonly given: string;
  readonly inode: number;
  private fd: number | undefined;

  /** @throws NETWORK when it is gone, of another kind, or the one we are in */
  constructor(given: string) {
    this.given = given;
    this.fd = openFile(given);
    this.inode = fstatSync(this.fd).ino;
    const problem = problemOf(this.fd, given, this.inode);
    if (problem === undefined) return;
    this.close();
    throw new NkError("NETWORK", problem);
  }

  /** For programs that we start. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.fd}`;
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }
}

/** The one of that inode, if it is still at that path. */
export function findNamespace(path: string, inode: number): Namespace | undefined {
  try {
    if (statSync(path).ino !== inode) return undefined;
    const namespace = new Namespace(path);
    if (namespace.inode === inode) return namespace;
    namespace.close();
  } catch {
    // gone, and all that was in it
  }
  return undefined;
}

function openFile(given: string): number {
  try {
    // What is no namespace may be a pipe, at which nobody writes.
    return openSync(given, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new NkError("NETWORK", `the network namespace ${given} is not there: ${reasonOf(error)}`);
  }
}

function problemOf(fd: number, given: string, inode: number): string | undefined {
  const link = `/proc/self/fd/${fd}`;
  const expected = "expected the path of one, as /run/netns/NAME or /proc/PID/ns/net";
  if (statfsSync(link).type !== NSFS_MAGIC)
    return `${given} is not a network namespace: ${expected}, found another file`;
  // One that is not mounted has its kind for a name.
  const kind = /^([a-z_]+):\[/.exec(readlinkSync(link))?.[1] ?? "net";
  if (kind !== "net")
    return `${given} is not a network namespace: ${expected}, found one of the kind ${kind}`;
  if (inode === statSync("/proc/self/ns/net").ino)
    return `the network namespace ${given} is the host's own, whose interfaces a VM does not take over: expected one of the container's own, or --vm-net=tap (vm.net in the settings) for a network that nano-sandbox makes`;
  return undefined;
}
