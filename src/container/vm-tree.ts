import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseMountOptions } from "../host/mount-flags.ts";
import type { ShadowPlan } from "../host/shadow.ts";
import { planMounts, volumePath } from "../oci/guest-config.ts";
import type { CreateRequest } from "./container-mode.ts";

export type Tree = Pick<ShadowPlan, "rootfs" | "readonly" | "mountPoints" | "binds">;

/** The container's file tree on the host, as config.json describes it. */
export function treePlan({ bundle }: CreateRequest): Tree {
  const { mountPoints } = planMounts(bundle.raw);
  const { rootfs, config } = bundle;
  return { rootfs, readonly: config.root.readonly === true, mountPoints, binds: bindsOf(bundle) };
}

/** Only its bind mounts, each by its number: the rest is on the guest's disk, and the guest must not see the host's. */
export function volumesPlan({ bundle, store, id }: CreateRequest): Tree {
  const rootfs = join(store.dirOf(id), "volumes");
  mkdirSync(rootfs, { mode: 0o700 });
  const binds = bindsOf(bundle).map((bind, index) => ({ ...bind, destination: volumePath(index) }));
  return { rootfs, readonly: false, mountPoints: [], binds };
}

function bindsOf(bundle: CreateRequest["bundle"]): ShadowPlan["binds"] {
  return planMounts(bundle.raw).binds.map(({ source, destination, options }) => ({
    source: resolve(bundle.path, source),
    destination,
    flags: parseMountOptions(options).flags,
  }));
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
