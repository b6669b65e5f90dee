import { execFile } from "node:child_process";
import { opendirSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { NkError } from "../base/errors.ts";
import type { HostSocket } from "../contract/job.ts";
import { shadowPath } from "../host/paths.ts";
import type { Bundle } from "../oci/bundle.ts";
import { bindMounts } from "../oci/guest-mounts.ts";
import { warnings } from "../trace/channels.ts";

const TIMEOUT_MS = 5_000;
/** Each costs the guest a mount and the monitor a descriptor. */
const MAX_SOCKETS = 64;
/** A folder with more is no place for sockets, and looking at it takes a microsecond for each. */
const MAX_ENTRIES = 65_536;

/**
 * The Unix sockets that the bind mounts of a bundle bring: each that is one, and those directly in a folder. They are there now; later ones are not
 * relayed.
 */
export async function hostSockets({ raw, path }: Pick<Bundle, "raw" | "path">): Promise<HostSocket[]> {
  const found = bindMounts(raw).flatMap(({ source }, volume) => socketsOf(resolve(path, source), volume));
  if (found.length > MAX_SOCKETS) {
    const [first, last] = [found[MAX_SOCKETS], found.at(-1)];
    warnings.publish(
      `bind mounts: expected at most ${MAX_SOCKETS} Unix sockets, found ${found.length}: nobody answers at ${first?.path} to ${last?.path} in the container`,
    );
  }
  return withKinds(found.slice(0, MAX_SOCKETS));
}

type Found = Omit<HostSocket, "kind">;

function socketsOf(source: string, volume: number): Found[] {
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat?.isSocket()) return [{ volume, path: realpathSync(source) }];
  return stat?.isDirectory() ? socketsIn(source, volume) : [];
}

function socketsIn(folder: string, volume: number): Found[] {
  const found: Found[] = [];
  const entries = opendirSync(folder);
  for (let looked = 0; looked < MAX_ENTRIES; looked += 1) {
    const entry = entries.readSync();
    if (entry === null) break;
    if (entry.isSocket()) found.push({ volume, name: entry.name, path: join(folder, entry.name) });
  }
  entries.closeSync();
  return found;
}

/** @throws HOST */
async function withKinds(found: readonly Found[]): Promise<HostSocket[]> {
  if (found.length === 0) return [];
  const args = ["socket-kinds", ...found.map(({ path }) => path)];
  try {
    const { stdout } = await promisify(execFile)(shadowPath(), args, { timeout: TIMEOUT_MS });
    const kinds = stdout.split("\n");
    return found.map((socket, index) => ({
      ...socket,
      kind: kinds[index] === "datagram" ? "datagram" : "stream",
    }));
  } catch (cause) {
    throw new NkError("HOST", `cannot tell the kind of Unix sockets: ${String(cause)}`, { cause });
  }
}
