import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  statfsSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { join } from "node:path";
import { asNkError, NkError } from "../base/errors.ts";
import { removeTree } from "../host/remove-tree.ts";
import { printableLine } from "../base/printable.ts";
import { CONFIG_FILE } from "../oci/config-file.ts";
import { warnings } from "../trace/channels.ts";
import { tellIfSlow } from "../trace/slow.ts";
import { Budget, openLayer } from "./blob.ts";
import { bundleConfig, type ProcessChoice } from "./bundle-config.ts";
import { findUser } from "./image-user.ts";
import { openImage, type Image } from "./open-image.ts";
import { binary, inRoot, lookAt, partsOf, raw, resolveParts } from "./root-path.ts";
import { makeSpecials } from "./special-files.ts";
import { readTar } from "./tar-reader.ts";
import { TreeWriter } from "./tree-writer.ts";

export interface BundleRequest extends ProcessChoice {
  /** PATH or PATH:NAME of an image. */
  image: string;
  /** The bundle's folder: not there yet, or empty. */
  dir: string;
  hostname: string;
  /** Aborted by a signal: the unpacking ends, and what it has made is removed. */
  givenUp: AbortSignal;
}

const MIB = 1024 * 1024;
/** Archives are larger than what they hold, and a file system wants some room for itself. */
const SPARE_BYTES = 64 * MIB;

/**
 * Unpacks an image into a bundle: `rootfs` and, as the last thing, `config.json`. What it has made is removed when it fails; one that was killed
 * leaves a folder without config.json.
 * @throws EXISTS for a folder that is not empty, BAD_CONFIG for an image that is damaged or up to something, UNSUPPORTED for another machine's, HOST
 */
export async function makeBundle(request: BundleRequest): Promise<void> {
  const image = await openImage(request.image);
  const { dir } = request;
  const isOurs = makeFolder(dir);
  const fd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  // Whatever is put into its place meanwhile. Not /proc/self: nk-shadow makes files there too.
  const held = `/proc/${process.pid}/fd/${fd}`;
  try {
    await tellIfSlow(
      () => `unpacking ${request.image} into ${dir}`,
      () => fill(image, { ...request, dir: held }, dir),
    );
  } catch (error) {
    // "/.": where a folder is removed from is opened without following a link, which the name of a descriptor is.
    for (const name of readdirSync(held)) removeTree(`${held}/./${name}`);
    if (isOurs) removeEmpty(dir);
    throw asNkError(withPath(error, held, dir));
  } finally {
    closeSync(fd);
  }
}

function removeEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // Somebody has put something else there.
  }
}

/** What the system says of the folder by its descriptor is told by its name. */
function withPath(error: unknown, held: string, dir: string): unknown {
  const { path } = error as NodeJS.ErrnoException;
  return path?.startsWith(held) === true
    ? Object.assign(error as Error, { path: `${dir}${path.slice(held.length)}` })
    : error;
}

/** For root alone: an image's set-user-ID programs are nobody else's to run. @returns whether it was not there */
function makeFolder(dir: string): boolean {
  if (!existsSync(dir)) {
    mkdirSync(dir, { mode: 0o700 });
    return true;
  }
  if (readdirSync(dir).length === 0) {
    chmodSync(dir, 0o700);
    return false;
  }
  const isUnfinished = existsSync(join(dir, "rootfs")) && !existsSync(join(dir, CONFIG_FILE));
  const what = isUnfinished
    ? "is a bundle that was not finished: remove it"
    : "is not empty: name a new folder";
  throw new NkError("EXISTS", `${dir} ${what}`);
}

async function fill(
  { config, layers }: Image,
  { dir, hostname, givenUp, ...choice }: BundleRequest,
  shownDir: string,
): Promise<void> {
  const rootfs = join(dir, "rootfs");
  // Folders that no layer names are for every user of the container.
  process.umask(0o022);
  mkdirSync(rootfs, { mode: 0o755 });
  const budget = new Budget(freeBytes(rootfs) - SPARE_BYTES);
  const writer = new TreeWriter(rootfs);
  let lost = 0;
  for (const { blob, diffId } of layers) {
    for await (const entry of readTar(unlessAborted(openLayer(blob, diffId, budget), givenUp))) {
      await writer.add(entry);
    }
    lost += await makeSpecials(rootfs, writer.endLayer());
  }
  if (lost > 0)
    warnings.publish(`${shownDir}: the file system does not take ${lost} extended attributes of the image`);
  const json = bundleConfig(config, findUser(rootfs, config.user), hostname, choice);
  makeWorkingDir(rootfs, config.workingDir);
  writeFileSync(join(dir, CONFIG_FILE), `${JSON.stringify(json, null, 2)}\n`, { mode: 0o600 });
}

async function* unlessAborted(
  source: AsyncIterable<Buffer>,
  givenUp: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  for await (const part of source) {
    givenUp.throwIfAborted();
    yield part;
  }
}

function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}

/** As docker does. @throws BAD_CONFIG where something else than a folder is in its way */
function makeWorkingDir(rootfs: string, path: string): void {
  const root = binary(rootfs);
  const parts = resolveParts(root, partsOf(binary(path)), true);
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const folder = inRoot(root, parts.slice(0, depth));
    const found = lookAt(folder);
    if (found === undefined) mkdirSync(raw(folder), 0o755);
    else if (!found.isDirectory()) throw notAFolder(path, parts.slice(0, depth), found);
  }
}

function notAFolder(path: string, parts: readonly string[], found: Stats): NkError {
  const kind = found.isFile() ? "a file" : found.isFIFO() ? "a fifo" : "no folder";
  return new NkError(
    "BAD_CONFIG",
    printableLine(
      `the image's working directory ${path} cannot be: /${raw(parts.join("/")).toString("utf8")} is ${kind}`,
    ),
  );
}
