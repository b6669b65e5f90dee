import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { NkError } from "../base/errors.ts";
import { followLinks } from "../base/link-walk.ts";

/** NAME_MAX. */
const MAX_PART_BYTES = 255;
/** Of folders in each other: more than any image has. Each is looked at for each file in it, by a path as long. */
const MAX_LEVELS = 128;

/** Paths are binary strings here (latin1): names in an image may be any bytes. This is what the calls of node take. */
export function raw(path: string): Buffer {
  return Buffer.from(path, "latin1");
}

/** A path of this program as such a binary string. */
export function binary(path: string): string {
  return Buffer.from(path, "utf8").toString("latin1");
}

/** What is there, a link itself; undefined: nothing, or a path through something that is no folder. */
export function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(raw(path), { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw error;
  }
}

/**
 * The parts of a path in an image, from its root on: "/a/./b/" is a, b.
 * @throws BAD_CONFIG for one that leads upwards or very deep: no image has such names, and only what is up to something
 */
export function partsOf(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new NkError("BAD_CONFIG", `a path in the image leads out of it: ${path}`);
  const long = parts.find((part) => part.length > MAX_PART_BYTES);
  if (long !== undefined)
    throw new NkError("BAD_CONFIG", `a name in the image is too long: ${long.slice(0, 40)}…`);
  checkLevels(parts);
  return parts;
}

function checkLevels(parts: readonly string[]): void {
  if (parts.length > MAX_LEVELS)
    throw new NkError("BAD_CONFIG", `a path in the image has more than ${MAX_LEVELS} levels of folders`);
}

/**
 * Where a path leads in a tree, with every link on the way taken as it is within that tree: "/" is its root, and no ".." leads above
 * that. What is not there leads nowhere further. The tree must not change meanwhile: it is ours alone while an image is unpacked.
 * @param followLast whether the last part is followed when it is a link
 * @returns the parts from the root on
 * @throws BAD_CONFIG for too many links or levels
 */
export function resolveParts(root: string, path: readonly string[], followLast: boolean): string[] {
  const reached = followLinks(
    path,
    (parts, isLast) => (isLast && !followLast ? undefined : linkAt(root, parts)),
    (at) => new NkError("BAD_CONFIG", `too many symbolic links in the image at /${at.join("/")}`),
  );
  checkLevels(reached);
  return reached;
}

function linkAt(root: string, parts: readonly string[]): string | undefined {
  const path = inRoot(root, parts);
  return lookAt(path)?.isSymbolicLink() === true ? readlinkSync(raw(path), "latin1") : undefined;
}

export function inRoot(root: string, parts: readonly string[]): string {
  return [root, ...parts].join("/");
}
