import { existsSync } from "node:fs";
import { NkError } from "../base/errors.ts";
import { hasCapability } from "../host/capabilities.ts";
import { isOrdinaryUser } from "../host/user-namespace.ts";
import type { Publication, NetworkSpec } from "../network/network.ts";
import { findNetworkProgram } from "../network/programs.ts";
import { parsePublication } from "../network/publication.ts";
import type { Bundle } from "../oci/bundle.ts";
import { isFirstOfPod } from "../oci/pod-limits.ts";
import type { Settings } from "../oci/settings.ts";
import { warnings } from "../trace/channels.ts";
import { boundResolvConf } from "./resolv-conf.ts";
import { canHaveUserCard } from "../vm/choose-vmm.ts";
import type { CardBackend } from "../vm/shape.ts";

const TUN = "/dev/net/tun";
/** capabilities(7) */
const CAP_NET_ADMIN = 12;

type Namespace = { path?: string | undefined };

/** Who the network is for. */
export interface NetworkUser {
  /** Undefined: a VM that is made before its containers. */
  config?: Bundle["config"];
  /** Nobody manages the container's network: a person has typed the command. A manager asks for a pid file. */
  isByHand: boolean;
}

/**
 * What `--vm-net` comes to. `auto`: what the container's network namespace has, where config.json names one or has hooks that may fill the one it asks
 * for; a card on the host's bridge for a container or VM that a person has made, or, where this process may make none, a network in a program.
 * @throws NETWORK for a kind that was asked for and cannot be had here; BAD_CONFIG for a container that is to have the host's network, which a VM cannot, and for ports that nothing can lead to
 */
export async function chooseNetwork(settings: Settings, user: NetworkUser): Promise<NetworkSpec> {
  const publish = settings.publish.map(parsePublication);
  const kind = settings.net === "auto" ? await autoKind(settings, user) : settings.net;
  const spec = specOf(settings, kind, user, publish);
  if (publish.length > 0 && !("publish" in spec)) throw noPorts(spec.kind);
  if (spec.kind === "netns" && networkNamespace(user) === undefined) throw noNamespace();
  checkNamed(settings.net);
  return spec;
}

/** The card that a VM needs for it; undefined: none. */
export function cardFor({ kind }: NetworkSpec): CardBackend | undefined {
  if (kind === "none") return undefined;
  return kind === "user" ? "user" : "tap";
}

function specOf(
  { bridge, subnet, subnet6 }: Settings,
  kind: NetworkSpec["kind"],
  user: NetworkUser,
  publish: Publication[],
): NetworkSpec {
  if (kind === "user") return { kind, publish };
  if (kind === "netns")
    return {
      kind,
      path: networkNamespace(user)?.path || undefined,
      resolvConf: boundResolvConf(user.config?.mounts),
      ...(forwardsPorts(user) && { forwardsPorts: true }),
    };
  if (kind === "none") return { kind };
  return { kind, bridge, subnet, ...(subnet6 !== "none" && { subnet6 }), publish };
}

/** Kubernetes connects to ports of a pod from within its namespace, and so does a user's podman to those that it publishes (rootlesskit). */
function forwardsPorts({ config }: NetworkUser): boolean {
  return isFirstOfPod(config ?? {}) || (isOrdinaryUser() && findNetworkProgram("nft") !== undefined);
}

async function autoKind({ vmm }: Settings, user: NetworkUser): Promise<NetworkSpec["kind"]> {
  const { config, isByHand } = user;
  if (config !== undefined && networkNamespace(user) === undefined) throw hostNetwork();
  const isManaged = networkNamespace(user)?.path || hasHostHooks(config) || !isByHand;
  const kind = isManaged && config !== undefined ? "netns" : "tap";
  const lack = lackFor(kind);
  if (lack === undefined) return kind;
  if (kind === "tap" && (await canHaveUserCard(vmm))) return "user";
  warnings.publish(`the VM has no network: ${lack}`);
  return "none";
}

/** @throws NETWORK for a kind that was asked for and cannot be had: before anything is started */
function checkNamed(net: Settings["net"]): void {
  const lack = net === "tap" || net === "netns" ? lackFor(net) : undefined;
  if (lack === undefined) return;
  const mend = "mend that, or use --vm-net=user or none";
  throw new NkError("NETWORK", `--vm-net=${net} (vm.net) cannot be had: ${lack}: ${mend}`);
}

/** What keeps a kind from being had here. */
function lackFor(kind: "netns" | "tap"): string | undefined {
  // Root of a user namespace has the capability, for networks that were made in it: a container's may be, the host's is not.
  if (kind === "tap" && isOrdinaryUser())
    return "an ordinary user may not make interfaces of the host (CAP_NET_ADMIN)";
  if (!hasCapability(CAP_NET_ADMIN)) return "this process may not make interfaces (CAP_NET_ADMIN)";
  const programs = ["ip", kind === "tap" ? "nft" : "tc"];
  const missing = existsSync(TUN) ? programs.find((name) => findNetworkProgram(name) === undefined) : TUN;
  return missing === undefined ? undefined : `this host has no ${missing}`;
}

function networkNamespace({ config }: NetworkUser): Namespace | undefined {
  return config?.linux?.namespaces?.find(({ type }) => type === "network");
}

/** Docker's, and CNI's by OCI hooks, put the interfaces in. */
function hasHostHooks(config: Bundle["config"] | undefined): boolean {
  const { prestart = [], createRuntime = [], createContainer = [] } = config?.hooks ?? {};
  return prestart.length + createRuntime.length + createContainer.length > 0;
}

function hostNetwork(): NkError {
  return new NkError(
    "BAD_CONFIG",
    "linux.namespaces has no network, which means the host's network, and a VM cannot have that: " +
      "use --vm-net=tap or user (vm.net in the settings for all) for a network of its own, --vm-net=none, or --mode=container",
  );
}

function noNamespace(): NkError {
  return new NkError(
    "BAD_CONFIG",
    "--vm-net=netns (vm.net): linux.namespaces of config.json has no network, whose interfaces the VM would take: use --vm-net=tap",
  );
}

function noPorts(kind: string): NkError {
  return new NkError(
    "BAD_CONFIG",
    `--vm-publish (vm.publish): a VM with --vm-net=${kind} has no port that nano-sandbox leads to it: use --vm-net=tap, or have the ports published by who has made its network`,
  );
}
