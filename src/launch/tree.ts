import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { NkError } from "../base/errors.ts";
import { parseMountOptions } from "../host/mount-flags.ts";
import type { ShadowPlan } from "../host/shadow.ts";
import { bindMounts, planMounts, type BindMount } from "../oci/guest-mounts.ts";
import type { CreateRequest } from "./create-request.ts";

export type Tree = Pick<ShadowPlan, "rootfs" | "readonly" | "mounts" | "cwd">;

/** The container's files on the host, as config.json describes them. */
export function treePlan({ bundle }: CreateRequest): Tree {
  const { rootfs, config } = bundle;
  const mounts = planMounts(bundle.raw)
    .filter((mount) => mount.kind !== "guest-file")
    .map((mount) => (mount.kind === "bind" ? { ...mount, ...volumeOf(mount, bundle.path) } : mount));
  return { rootfs, readonly: config.root.readonly === true, mounts, cwd: config.process.cwd };
}

/**
 * Its bind mounts, for a guest that has the rest on a disk. It must not see the host's root file system, unless it is to copy back to it.
 */
export function volumesPlan({ bundle, store, id }: CreateRequest, sync: boolean): Tree {
  const mounts = bindMounts(bundle.raw).map(
    (mount) => ({ kind: "volume", ...volumeOf(mount, bundle.path) }) as const,
  );
  if (sync) return { rootfs: bundle.rootfs, readonly: false, mounts };
  const rootfs = join(store.dirOf(id), "volumes");
  mkdirSync(rootfs, { mode: 0o700 });
  return { rootfs: realpathSync(rootfs), readonly: true, mounts };
}

function volumeOf(mount: BindMount, bundlePath: string): { source: string; flags: number } {
  return { source: sourceOf(mount, bundlePath), flags: parseMountOptions(mount.options).flags };
}

function sourceOf({ source, destination }: BindMount, bundlePath: string): string {
  const path = resolve(bundlePath, source);
  if (existsSync(path)) return path;
  const problem = `mount ${destination}: no such file or folder: ${path}`;
  throw new NkError("BAD_CONFIG", `${problem}: create it, or correct mounts in config.json`);
}

/** Where its shadow stands. */
export function placePlan({ bundle }: CreateRequest): Pick<ShadowPlan, "hostname" | "netns"> {
  const { linux, hostname } = bundle.config;
  const network = linux?.namespaces?.find(({ type }) => type === "network");
  return {
    ...(hostname !== undefined && { hostname }),
    netns: network === undefined ? "host" : (network.path ?? "new"),
  };
}
