// The monitor's part in a namespace that stands for the host: opens, plugs and closes networks of the kind tap, as lines of JSON tell it.
import { createInterface } from "node:readline";
import { asNkError } from "../../src/base/errors.ts";
import type { NetDevice } from "../../src/host/net-device.ts";
import { loadNetworkKind } from "../../src/network/kinds.ts";
import type { Network, NetworkKind, TapSpec } from "../../src/network/network.ts";
import { listLeases, releaseDead } from "../../src/network/tap/garbage.ts";
import type { NetworkRecord } from "../../src/state/network-record.ts";
import { notices, warnings } from "../../src/trace/channels.ts";

export type Order =
  | { do: "open"; id: string; spec: TapSpec }
  | { do: "plug"; id: string; card: NetDevice }
  | { do: "close"; id: string }
  /** All at once. */
  | { do: "openAll"; ids: string[]; spec: TapSpec }
  | { do: "closeAll" }
  | { do: "release"; record: NetworkRecord }
  | { do: "releaseDead" }
  | { do: "list" };

const networks = new Map<string, Network>();
const said: string[] = [];
for (const channel of [notices, warnings]) channel.subscribe((text) => said.push(String(text)));

type Orders = {
  [K in Order["do"]]: (kind: NetworkKind, order: Extract<Order, { do: K }>) => Promise<unknown>;
};

const ORDERS: Orders = {
  open: (kind, { id, spec }) => open(kind, id, spec),
  plug: async (_, { id, card }) => networks.get(id)?.plug(card),
  close: async (_, { id }) => networks.get(id)?.close(),
  openAll: (kind, { ids, spec }) => Promise.all(ids.map((id) => open(kind, id, spec))),
  closeAll: () => Promise.all([...networks.values()].map((network) => network.close())),
  release: (kind, { record }) => kind.release(record),
  releaseDead: () => releaseDead(),
  list: async () => listLeases(),
};

async function open(kind: NetworkKind, id: string, spec: TapSpec): Promise<NetworkRecord | undefined> {
  let journaled: NetworkRecord | undefined;
  const journal = (record: NetworkRecord): void => void (journaled = record);
  networks.set(id, await kind.open({ spec, id, journal, hostname: id, monitor: "/nowhere" }));
  return journaled;
}

async function obey(order: Order): Promise<unknown> {
  const kind = await loadNetworkKind("tap");
  if (kind === undefined) throw new Error("there is no kind tap");
  const handle = ORDERS[order.do] as (kind: NetworkKind, order: Order) => Promise<unknown>;
  return handle(kind, order);
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await obey(JSON.parse(line) as Order).then(
    (value: unknown) => ({ value }),
    (error: unknown) => ({ error: asNkError(error).toJson() }),
  );
  process.stdout.write(`${JSON.stringify({ ...answer, said: said.splice(0) })}\n`);
}
