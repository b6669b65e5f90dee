import { NkError } from "../base/errors.ts";
import { objectOrEmpty } from "../base/json.ts";
import { guestMounts } from "./guest-mounts.ts";
import { guestResources } from "./guest-resources.ts";

/**
 * The config.json for the in-VM runtime, made from the bundle's. What is host-side is taken out; everything else is passed on as
 * it stands, also members that we do not know (runtime-spec config.md, "Extensibility").
 */

type Json = Record<string, unknown>;

/** The guest's crun takes no version without "1.0" in it. What newer ones have brought and it would not do is refused before (properties.ts). */
const GUEST_VERSION = "1.0.2";

/**
 * @param hasNetwork the guest's own network namespace has the VM's card, and the container is in it
 * @param share where the guest sees the shadow's shared tree
 * @param shared types of namespaces that are those of another container in the VM, whose path is only known there
 * @throws UNSUPPORTED for what cannot cross into a VM
 */
export function guestConfig(
  config: Json,
  id: string,
  share: string,
  hasNetwork: boolean,
  shared: ReadonlySet<string> = new Set(),
): Json {
  return {
    ...config,
    ociVersion: GUEST_VERSION,
    root: { ...objectOrEmpty(config["root"]), path: "rootfs" },
    process: guestProcess(objectOrEmpty(config["process"])),
    mounts: guestMounts(config, share),
    linux: guestLinux(objectOrEmpty(config["linux"]), id, hasNetwork, shared),
    hooks: guestHooks(objectOrEmpty(config["hooks"])),
    annotations: {},
  };
}

/** A process object for the guest: labels name policies of the host's kernel. */
export function guestProcess(process: Json): Json {
  const { apparmorProfile: _profile, selinuxLabel: _label, ...rest } = process;
  return rest;
}

/** A process object with the limits of `inherited` that it does not set itself, as a process on the host gets those of its parent. */
export function withRlimits(process: Json, inherited: readonly { type: string }[]): Json {
  const own = Array.isArray(process["rlimits"]) ? (process["rlimits"] as Json[]) : [];
  const others = inherited.filter(({ type }) => !own.some((limit) => limit["type"] === type));
  return { ...process, rlimits: [...own, ...others] };
}

function guestLinux(linux: Json, id: string, hasNetwork: boolean, shared: ReadonlySet<string>): Json {
  const { intelRdt: _rdt, mountLabel: _label, ...rest } = linux;
  return {
    ...rest,
    namespaces: guestNamespaces(linux["namespaces"], hasNetwork, shared),
    // Absent, it is the guest's crun that makes every mount private, whatever its own options say.
    rootfsPropagation: linux["rootfsPropagation"] || "private",
    cgroupsPath: `/nk/${id}`,
    resources: guestResources(objectOrEmpty(linux["resources"])),
    ...guestSysctl(linux, hasNetwork),
  };
}

/** Who may send echo requests. podman sets it for each container. */
const PING_GROUPS = "net.ipv4.ping_group_range";

/** Root of a user namespace may not set what is of the guest's network, where all groups may do that already (guest/agent/machine/init.c). */
function guestSysctl(linux: Json, hasNetwork: boolean): Json {
  const { [PING_GROUPS]: groups, ...others } = objectOrEmpty(linux["sysctl"]);
  const namespaces = Array.isArray(linux["namespaces"]) ? (linux["namespaces"] as Json[]) : [];
  const isAbove = hasNetwork && namespaces.some(({ type }) => type === "user");
  return isAbove && groups !== undefined ? { sysctl: others } : {};
}

/** The namespace of the agent, which is PID 1 of the guest. By its path, and not left out: a runtime sets `net.` settings only for a container with one. */
const GUEST_NETWORK = "/proc/1/ns/net";

/** New ones of the guest's kernel. The network namespace of a path is the shadow's. */
function guestNamespaces(namespaces: unknown, hasNetwork: boolean, shared: ReadonlySet<string>): Json[] {
  const list = Array.isArray(namespaces) ? (namespaces as Json[]) : [];
  return list.map(({ path = "", ...namespace }) => {
    if (namespace["type"] === "network" && hasNetwork) return { ...namespace, path: GUEST_NETWORK };
    const type = String(namespace["type"]);
    if (path === "" || type === "network" || shared.has(type)) return namespace;
    throw new NkError(
      "UNSUPPORTED",
      `linux.namespaces: ${type} has the path ${String(path)}: a container in a VM cannot join a namespace of the host's kernel, that of the network excepted, but only those of a container in a VM that runs: leave the path out, or use --mode=container`,
    );
  });
}

/** Only `startContainer` runs inside the container; all others are the host's (runtime-spec config.md, "POSIX-platform Hooks"). */
function guestHooks(hooks: Json): Json {
  return hooks["startContainer"] === undefined ? {} : { startContainer: hooks["startContainer"] };
}
