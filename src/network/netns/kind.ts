import { NkError } from "../../base/errors.ts";
import type { NetworkRecord } from "../../state/network-record.ts";
import type { Network, NetworkKind, NetworkRequest } from "../network.ts";
import { Bridge, removeBridge } from "./bridge.ts";
import { RELAY, TAP } from "./carry.ts";
import { Mirror, removeMirror } from "./mirror.ts";
import { findNamespace, Namespace } from "./namespace.ts";
import { NetnsNetwork } from "./network.ts";
import { ForwardedPorts, removePorts } from "./ports.ts";
import { readNamespace } from "./read.ts";
import { removeRelay, ResolverRelay } from "./relay.ts";
import { mirrorVerdict, type MirrorVerdict } from "./verdict.ts";

/** The interfaces that somebody has put into the container's network namespace become the guest's. */
export const netns: NetworkKind = {
  open: (request) => openNetns(request, mirrorVerdict),
  release: releaseNetns,
};

/** @param verdict whether frames can be redirected; where they cannot, it is a bridge @throws NETWORK */
export async function openNetns(
  { spec, netns: path, id, monitor, journal }: NetworkRequest,
  verdict: () => Promise<MirrorVerdict>,
): Promise<Network> {
  if (path === undefined)
    throw new NkError(
      "NETWORK",
      "expected a container with a network namespace, whose interfaces the VM takes over, found none: use another --vm-net",
    );
  const namespace = new Namespace(path);
  try {
    const { works, reason } = await verdict();
    const { resolvConf, forwardsPorts = false } = spec.kind === "netns" ? spec : {};
    journal({
      kind: "netns",
      netns: path,
      inode: namespace.inode,
      tap: TAP,
      ...(forwardsPorts && { forwardsPorts }),
    });
    const connector = works ? new Mirror(namespace.path) : new Bridge(namespace.path, reason);
    const relay = new ResolverRelay(namespace.path, resolvConf);
    const ports = forwardsPorts ? new ForwardedPorts(namespace.path, monitor) : undefined;
    return new NetnsNetwork(namespace, { connector, relay, ports, id });
  } catch (error) {
    namespace.close();
    throw error;
  }
}

/** While a tap is there, a VM lives that has taken the namespace over meanwhile: all that is there is its own. */
async function releaseNetns(record: NetworkRecord): Promise<void> {
  if (record.kind !== "netns") return;
  const namespace = findNamespace(record.netns, record.inode);
  if (namespace === undefined) return;
  try {
    const state = await readNamespace(namespace.path);
    if (state.links.some(({ name }) => name === record.tap)) return;
    await removeMirror(namespace.path, state);
    await removeBridge(namespace.path, state.links);
    if (state.links.some(({ name }) => name === RELAY)) await removeRelay(namespace.path);
    if (record.forwardsPorts === true) await removePorts(namespace.path);
  } finally {
    namespace.close();
  }
}
