import { readlinkSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { NkError } from "../base/errors.ts";
import { followLinks } from "../base/link-walk.ts";
import type { Bundle } from "./bundle.ts";
import { planMounts, type HostMount } from "./guest-mounts.ts";

/**
 * The config.json of a bundle with the place of each mount as it is when all links are followed: within the root file system, in what is mounted by
 * then. So host and guest mean the same place, also where the root file system is on a disk, and neither has to follow a link of it.
 *
 * Whoever mounts there resolves it within the root once more: a container of the same root file system may change it meanwhile.
 * @throws BAD_CONFIG for links without an end, for the root itself and for proc or sysfs at a link, UNSUPPORTED as `planMounts`
 */
export function withResolvedDestinations({ raw, rootfs, path }: Bundle): Record<string, unknown> {
  const mounted: Mounted[] = [{ at: "/", root: rootfs }];
  const mounts = Array.isArray(raw["mounts"]) ? (raw["mounts"] as Record<string, unknown>[]) : [];
  const places = planMounts(raw).map((mount, index) => {
    const at = resolvePlace(mount.destination, mounted);
    refuseLinkOfKernel(mounts[index]?.["type"], mount.destination, at);
    mounted.push(...mountedBy(mount, at, path));
    return at;
  });
  return { ...raw, mounts: mounts.map((mount, index) => ({ ...mount, destination: places[index] })) };
}

/** Paths below them are masked and read-only by name: with a link in the way it is other files that are. The words are runc's. */
function refuseLinkOfKernel(type: unknown, destination: string, at: string): void {
  if ((type !== "proc" && type !== "sysfs") || resolve("/", destination) === at) return;
  throw new NkError(
    "BAD_CONFIG",
    `mount ${destination}: filesystem "${type}" must be mounted on ordinary directory, found a link that leads to ${at}: remove it from the root file system`,
  );
}

/** Something of the host that is seen at a place in the container; without a root: nothing of the host. */
interface Mounted {
  at: string;
  root: string | undefined;
}

function mountedBy(mount: HostMount, at: string, bundlePath: string): Mounted[] {
  if (mount.kind === "cover" && mount.isCopy) return [];
  return [{ at, root: mount.kind === "bind" ? resolve(bundlePath, mount.source) : undefined }];
}

function resolvePlace(destination: string, mounted: readonly Mounted[]): string {
  const tooMany = (): NkError => bad(destination, "expected a path, found a chain of links without an end");
  const linkAtNames = (names: readonly string[]): string | undefined => linkAt(pathOf(names), mounted);
  const reached = followLinks(destination.split("/"), linkAtNames, tooMany);
  if (reached.length === 0)
    throw bad(destination, "expected a place below the root file system, found the root itself");
  return pathOf(reached);
}

const pathOf = (names: readonly string[]): string => `/${names.join("/")}`;

/** @param path without links but the last name */
function linkAt(path: string, mounted: readonly Mounted[]): string | undefined {
  const { at, root } = mounted.findLast((mount) => isAtOrBelow(path, mount.at)) ?? {
    at: "/",
    root: undefined,
  };
  if (root === undefined || at === path) return undefined;
  try {
    return readlinkSync(join(root, relative(at, path)));
  } catch {
    return undefined; // not there, or no link
  }
}

function isAtOrBelow(path: string, parent: string): boolean {
  return path === parent || path.startsWith(parent === "/" ? parent : `${parent}/`);
}

function bad(destination: string, problem: string): NkError {
  return new NkError("BAD_CONFIG", `mount ${destination}: ${problem}: correct mounts in config.json`);
}
