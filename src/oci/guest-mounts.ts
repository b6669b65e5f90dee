import { NkError } from "../base/errors.ts";
import type { OciMount } from "./config.ts";

/**
 * The mounts of config.json, and where the guest finds what of them is the host's. The tree that a shadow shares (native/shadow/tree.h) has
 * the root file system as /rootfs and each bind mount by its number, as /0, /1 …: no path of ours leads through what is inside of them,
 * whose links are the container's.
 */

/** Where the guest has the sandbox's shared tree. */
export const GUEST_SHARE = "/run/nk/share";

/** The root file system in a shared tree. */
export const SHARED_ROOTFS = "/rootfs";

/** A file in a shared tree, beside the root file system and so out of the container's sight: its text is that tree's alone. */
export const SHARED_PROOF = "/proof";

/** A bind mount in a shared tree, by its number among them. */
export function volumePath(number: number): string {
  return `/${number}`;
}

/** Where the guest has the shared tree of a container, which is mounted on a folder of the sandbox's. */
export function joinedShare(folder: string): string {
  return `${GUEST_SHARE}${SHARED_ROOTFS}/${folder}`;
}

/** Where the guest has the container's root file system. */
export function joinedRoot(folder: string): string {
  return `/run/nk/roots/${folder}`;
}

type Json = Record<string, unknown>;

/** A mount of config.json as the host sees it. */
export type HostMount =
  | { kind: "bind"; source: string; destination: string; options: string[] }
  /** Of the guest's kernel; what is mounted later below it is not in the root file system. It may begin as a copy of what is there. */
  | { kind: "cover"; destination: string; isCopy: boolean }
  /** A file that the guest has by itself (`fileOfGuest`). */
  | { kind: "guest-file"; destination: string };

export type BindMount = Extract<HostMount, { kind: "bind" }>;

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

/** The mounts in the order of config.json. @throws UNSUPPORTED for a mount that neither side can make. */
export function planMounts(config: Json): HostMount[] {
  return mountsOf(config).map((mount) => {
    const { destination, source, type, options } = mount;
    if (mount.guestFile !== undefined) return { kind: "guest-file", destination };
    if (isBind(mount)) return { kind: "bind", source, destination, options };
    if (NATIVE.has(type)) return { kind: "cover", destination, isCopy: options.includes("tmpcopyup") };
    throw new NkError(
      "UNSUPPORTED",
      `mount ${destination}: a file system of type "${type}" cannot be mounted in a VM: bind a folder of the host instead`,
    );
  });
}

/** Those that need a share. @throws as `planMounts` */
export function bindMounts(config: Json): BindMount[] {
  return planMounts(config).filter((mount) => mount.kind === "bind");
}

/**
 * All mounts in their order for the in-VM runtime, each bind mount from its volume: a mount of the guest's kernel of its own, with its own flags, that
 * is busy for those who would rename or remove it.
 * @param share where the guest sees the shadow's shared tree
 */
export function guestMounts(config: Json, share: string): unknown[] {
  const raw = rawMounts(config);
  let volumes = 0;
  return mountsOf(config).map((mount, index) => {
    if (mount.guestFile !== undefined) return bindFrom(mount.guestFile, mount);
    if (isBind(mount)) return bindFrom(`${share}${volumePath(volumes++)}`, mount);
    const options = mount.options.filter((option) => !WORDLESS.has(option));
    return options.length < mount.options.length ? { ...raw[index], options } : raw[index];
  });
}

/** Options without an effect on a file system that is a kernel's own. crun would hand them to it as its own words, which it refuses; runc does not. */
const WORDLESS = new Set("acl iversion loud noacl noiversion rsymfollow silent symfollow".split(" "));

interface Mount {
  destination: string;
  source: string;
  type: string;
  options: string[];
  guestFile: string | undefined;
}

/** No config.json can have it, so none can bind what is the agent's. */
const GUEST_FILE = Symbol("path in the guest");

/** A mount for config.json by which the container sees a file of the guest. @param path in the guest */
export function fileOfGuest(path: string, destination: string): Json {
  return { destination, type: "bind", source: path, options: ["rbind"], [GUEST_FILE]: path };
}

/** As config.json has them. */
export function rawMounts(config: Json): Json[] {
  return Array.isArray(config["mounts"]) ? (config["mounts"] as Json[]) : [];
}

function mountsOf(config: Json): Mount[] {
  return rawMounts(config).map((mount) => ({
    destination: absolute(text(mount["destination"], "")),
    source: text(mount["source"], ""),
    type: text(mount["type"], "bind"),
    options: Array.isArray(mount["options"]) ? mount["options"].map(String) : [],
    guestFile: (mount as { [GUEST_FILE]?: string })[GUEST_FILE],
  }));
}

/** A relative one means below "/" (config.md#mounts). ".." is left: what it means depends on links. */
function absolute(destination: string): string {
  return destination.startsWith("/") ? destination : `/${destination}`;
}

function isBind(mount: Mount): boolean {
  return mount.guestFile === undefined && asksForBind(mount);
}

/** A mount without a type is a bind, and so is one of any type that says so by an option (config.md#mounts). */
export function asksForBind({ type = "bind", options = [] }: Pick<OciMount, "type" | "options">): boolean {
  return type === "bind" || options.includes("bind") || options.includes("rbind");
}

/** What was bound on the host may have mounts of its own below it, so it is always recursive. */
function bindFrom(source: string, { destination, options }: Mount): Json {
  const others = options.filter((option) => option !== "bind");
  const recursive = others.includes("rbind") ? others : ["rbind", ...others];
  return { destination, type: "bind", source, options: recursive };
}

function text(value: unknown, absent: string): string {
  return typeof value === "string" ? value : absent;
}
