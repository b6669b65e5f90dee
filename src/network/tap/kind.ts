import { existsSync } from "node:fs";
import { NkError } from "../../base/errors.ts";
import type { NetworkRecord } from "../../state/network-record.ts";
import { traced, warnings } from "../../trace/channels.ts";
import type { Network, NetworkKind, NetworkRequest, TapSpec } from "../network.ts";
import { formatPublication } from "../publication.ts";
import { readFacts } from "./facts.ts";
import { isOurs, namespaceFolder } from "./folder.ts";
import { withLock, withLockIfThere } from "./lock.ts";
import { HeldPorts } from "./ports.ts";
import { settle } from "./settle.ts";
import { bare, checkSpec } from "./subnets.ts";
import { take } from "./take.ts";
import { TapNetwork } from "./tap-network.ts";

/** A tap on a bridge of the host, which routes and translates addresses: docs/networking.md#tap. */
export const tap: NetworkKind = { open, release };

async function open(request: NetworkRequest): Promise<Network> {
  const { spec, hostname } = request;
  if (spec.kind !== "tap")
    throw new NkError("INTERNAL", `expected a spec of the kind tap, found ${spec.kind}`);
  checkSpec(spec);
  // Before anything is made: a port that is taken is the likeliest failure.
  const ports = await holdPorts(spec);
  try {
    const taken = await withLock(namespaceFolder(), () => take(request, spec));
    ports.leadTo(bare(taken.lease.addresses[0] ?? ""));
    return new TapNetwork(taken, ports, hostname);
  } catch (error) {
    ports.close();
    throw error;
  }
}

function holdPorts({ publish }: TapSpec): Promise<HeldPorts> {
  if (publish.length === 0) return HeldPorts.hold(publish);
  const why =
    "one that is taken is an error now; and what the rules cannot lead to the VM comes by these sockets";
  const what = publish.map(formatPublication).join(", ");
  return traced("network", "bind the published ports", { why, what }, () => HeldPorts.hold(publish));
}

async function release(record: NetworkRecord): Promise<void> {
  if (record.kind !== "tap" || !existsSync(record.folder)) return;
  if (!isOurs(record.folder)) {
    warnings.publish(
      `the VM's network was in another network namespace: what is left of it goes with that, or by "nk-runtime gc" there (${record.folder})`,
    );
    return;
  }
  await withLockIfThere(namespaceFolder(), async () => {
    await settle(record.bridge, await readFacts());
  });
}
