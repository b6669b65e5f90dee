import { join } from "node:path";
import { NkError } from "../base/errors.ts";

/**
 * The config.json for the in-VM runtime, made from the bundle's. What is host-side is taken out; everything else is passed on as
 * it stands, also members that we do not know (runtime-spec config.md, "Extensibility").
 */

/** Where the shared tree is mounted in the guest, and where the container's root is bound from it. */
export const GUEST_SHARE = "/run/nk/share";
export const GUEST_ROOT = "/run/nk/root";

type Json = Record<string, unknown>;

export interface GuestMountPoint {
  destination: string;
  kind: "dir" | "file";
}

export interface BindMount {
  source: string;
  destination: string;
  options: string[];
}

/** The mounts of config.json, told apart by who makes them. */
export interface MountPlan {
  /** Assembled on the host, in the shadow's tree. In the order of config.json. */
  binds: BindMount[];
  /** Mount points to make in the tree for mounts that the guest's runtime makes. */
  mountPoints: GuestMountPoint[];
}

/** File systems that belong to a kernel: made by the guest's runtime, on the guest's kernel. */
const NATIVE = new Set([
  "proc",
  "sysfs",
  "tmpfs",
  "devpts",
  "mqueue",
  "cgroup",
  "cgroup2",
  "ramfs",
  "devtmpfs",
  "overlay",
]);

/** Options of a bind mount that its kernel must enforce, so that the guest needs a mount of its own for it. */
const ENFORCED = new Set(["ro", "rro", "noexec", "nosuid", "nodev", "rnoexec", "rnosuid", "rnodev"]);

/** Splits the mounts of config.json. @throws UNSUPPORTED for a mount that neither side can make. */
export function planMounts(config: Json): MountPlan {
  const binds: BindMount[] = [];
  const mountPoints: GuestMountPoint[] = [];
  for (const mount of mountsOf(config)) {
    if (isBind(mount)) {
      binds.push({ source: mount.source, destination: mount.destination, options: mount.options });
    } else if (NATIVE.has(mount.type)) {
      const below = mountPoints.some(({ destination }) => isBelow(mount.destination, destination));
      if (!below) mountPoints.push({ destination: mount.destination, kind: "dir" });
    } else {
      throw new NkError(
        "UNSUPPORTED",
        `mount ${mount.destination}: a file system of type "${mount.type}" cannot be mounted in a VM: bind a folder of the host instead`,
      );
    }
  }
  return { binds, mountPoints };
}

/**
 * Where the guest finds bind mounts: `tree`, at their places in the container's tree, which is shared as a whole; `volumes`, each by its number
 * among them, because the root is not shared.
 */
export type BindLayout = "tree" | "volumes";

/**
 * @param share where the guest sees what the shadow assembled
 * @throws UNSUPPORTED for what cannot cross into a VM
 */
export function guestConfig(config: Json, id: string, share: string, layout: BindLayout = "tree"): Json {
  return {
    ...config,
    root: { ...object(config["root"]), path: "rootfs" },
    process: guestProcess(object(config["process"])),
    mounts: layout === "tree" ? guestMounts(config, share) : mountsOfVolumes(config, share),
    linux: guestLinux(object(config["linux"]), id),
    hooks: guestHooks(object(config["hooks"])),
    annotations: {},
  };
}

/** A process object for the guest: labels name policies of the host's kernel. */
export function guestProcess(process: Json): Json {
  const { apparmorProfile: _profile, selinuxLabel: _label, ...rest } = process;
  return rest;
}

interface Mount {
  destination: string;
  source: string;
  type: string;
  options: string[];
}

function mountsOf(config: Json): Mount[] {
  const mounts = Array.isArray(config["mounts"]) ? (config["mounts"] as Json[]) : [];
  return mounts.map((mount) => ({
    // A relative one means below "/" (config.md#mounts).
    destination: join("/", text(mount["destination"], "")),
    source: text(mount["source"], ""),
    type: text(mount["type"], "bind"),
    options: Array.isArray(mount["options"]) ? mount["options"].map(String) : [],
  }));
}

function isBind(mount: Mount): boolean {
  return mount.type === "bind" || mount.options.includes("bind") || mount.options.includes("rbind");
}

function isBelow(path: string, parent: string): boolean {
  return path.startsWith(parent.endsWith("/") ? parent : `${parent}/`);
}

/**
 * Native mounts as they are. A bind mount is in the shared tree already; it is mounted once more, from that tree, where the guest's
 * kernel has to enforce an option or where a native mount would cover it.
 */
function guestMounts(config: Json, share: string): unknown[] {
  const covering: string[] = [];
  const result: unknown[] = [];
  const raw = Array.isArray(config["mounts"]) ? (config["mounts"] as Json[]) : [];
  mountsOf(config).forEach((mount, index) => {
    if (!isBind(mount)) {
      covering.push(mount.destination);
      result.push(raw[index]);
    } else if (
      mount.options.some((option) => ENFORCED.has(option)) ||
      covering.some((parent) => isBelow(mount.destination, parent))
    ) {
      result.push(bindFrom(`${share}${mount.destination}`, mount));
    }
  });
  return result;
}

/** All mounts in their order, each bind mount from its volume. */
function mountsOfVolumes(config: Json, share: string): unknown[] {
  const raw = Array.isArray(config["mounts"]) ? (config["mounts"] as Json[]) : [];
  let volumes = 0;
  return mountsOf(config).map((mount, index) =>
    isBind(mount) ? bindFrom(`${share}${volumePath(volumes++)}`, mount) : raw[index],
  );
}

/** The place of a bind mount in the `volumes` layout, by its number among them. */
export function volumePath(number: number): string {
  return `/${number}`;
}

/** The place of the bundle's root file system beside them, when the guest copies back to it. */
export const ROOTFS_VOLUME = "/rootfs";

/** A bind mount in the guest. What was bound on the host may have mounts of its own below it, so it is always recursive. */
function bindFrom(source: string, { destination, options }: Mount): Json {
  const others = options.filter((option) => option !== "bind");
  const recursive = others.includes("rbind") ? others : ["rbind", ...others];
  return { destination, type: "bind", source, options: recursive };
}

function guestLinux(linux: Json, id: string): Json {
  const { intelRdt: _rdt, mountLabel: _label, ...rest } = linux;
  const seccomp = object(linux["seccomp"]);
  if (seccomp["listenerPath"] !== undefined) {
    throw new NkError(
      "UNSUPPORTED",
      "linux.seccomp.listenerPath: a seccomp notification is an object of the guest's kernel and cannot be handed to the host: use --mode=container",
    );
  }
  const namespaces = Array.isArray(linux["namespaces"]) ? (linux["namespaces"] as Json[]) : [];
  return {
    ...rest,
    namespaces: namespaces.map(({ path: _path, ...namespace }) => namespace),
    cgroupsPath: `/nk/${id}`,
    resources: guestResources(object(linux["resources"])),
  };
}

/** What is left out names devices, CPUs or swap of the host, or knobs that cgroup v2 does not have. */
function guestResources(resources: Json): Json {
  const { blockIO: _io, network: _net, rdma: _rdma, hugepageLimits: _huge, ...rest } = resources;
  const memory = omit(object(resources["memory"]), [
    "swap",
    "kernel",
    "kernelTCP",
    "swappiness",
    "disableOOMKiller",
  ]);
  const cpu = omit(object(resources["cpu"]), ["cpus", "mems", "realtimeRuntime", "realtimePeriod"]);
  return { ...rest, memory, cpu };
}

/** Only `startContainer` runs inside the container; all others are the host's (runtime-spec config.md, "POSIX-platform Hooks"). */
function guestHooks(hooks: Json): Json {
  return hooks["startContainer"] === undefined ? {} : { startContainer: hooks["startContainer"] };
}

function omit(value: Json, names: string[]): Json {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

function text(value: unknown, absent: string): string {
  return typeof value === "string" ? value : absent;
}

function object(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
