import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { NkError } from "../base/errors.ts";
import { MS, parseMountOptions } from "../host/mount-flags.ts";
import type { ShadowPlan } from "../host/shadow.ts";
import { planMounts, ROOTFS_VOLUME, volumePath, type BindMount } from "../oci/guest-config.ts";
import type { CreateRequest } from "./container-mode.ts";

export type Tree = Pick<ShadowPlan, "rootfs" | "readonly" | "mountPoints" | "binds">;

/** The container's file tree on the host, as config.json describes it. */
export function treePlan({ bundle }: CreateRequest): Tree {
  const { mountPoints } = planMounts(bundle.raw);
  const { rootfs, config } = bundle;
  return { rootfs, readonly: config.root.readonly === true, mountPoints, binds: bindsOf(bundle) };
}

/**
 * Only its bind mounts, each by its number: the rest is on the guest's disk, and the guest must not see the host's, unless it is to copy back to it.
 */
export function volumesPlan({ bundle, store, id }: CreateRequest, sync: boolean): Tree {
  const rootfs = join(store.dirOf(id), "volumes");
  mkdirSync(rootfs, { mode: 0o700 });
  const binds = bindsOf(bundle).map((bind, index) => ({ ...bind, destination: volumePath(index) }));
  const whole = { source: bundle.rootfs, destination: ROOTFS_VOLUME, flags: MS.BIND | MS.REC };
  return { rootfs, readonly: false, mountPoints: [], binds: sync ? [...binds, whole] : binds };
}

function bindsOf(bundle: CreateRequest["bundle"]): ShadowPlan["binds"] {
  return planMounts(bundle.raw).binds.map((bind) => ({
    source: sourceOf(bind, bundle.path),
    destination: bind.destination,
    flags: parseMountOptions(bind.options).flags,
  }));
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
