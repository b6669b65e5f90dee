import type { Row } from "../measurement.ts";
import { median } from "../statistics.ts";
import type { Workbench } from "../workbench.ts";
import type { Lab } from "./lab.ts";
import type { Peer } from "./peers.ts";
import { PORTS } from "./server-files.ts";

const TRANSFER_S = 3;
const PINGS = 200;
const ROUND_TRIPS = 500;
const REQUESTS = 10_000;
/** Begun before the first has ended. */
const REQUESTS_AT_ONCE = 32;
const CONNECTIONS = 1_000;

/** One thing that a client on the host does with the servers of a container. */
export interface Work {
  what: string;
  unit: Row["unit"];
  /** False: a network in a program does not carry it. */
  isForAll: boolean;
  /** Of the kinds that have a card of the host's kernel, beside the bare QEMU. */
  goal?: { least: number };
  run: (client: Client) => Promise<Outcome>;
  /** What the host's processor time is a cost of. */
  cost?: { unit: Row["unit"]; of: (cpuS: number, value: number) => number };
}

export interface Outcome {
  value: number;
  /** Of its requests or connections. */
  lost?: number;
}

/** Who measures whom. */
export interface Client {
  bench: Workbench;
  lab: Lab;
  peer: Peer;
}

export const WORKS: readonly Work[] = [
  { ...transfer("TCP to the container"), run: (client) => iperf(client) },
  { ...transfer("TCP from the container"), run: (client) => iperf(client, "--reverse") },
  { what: "ping", unit: "ms", isForAll: false, run: ping },
  {
    what: "a byte there and back",
    unit: "ms",
    isForAll: true,
    run: async (client) => ({ value: (await load(client, "roundtrips", ROUND_TRIPS)).us / 1000 }),
  },
  {
    what: `${REQUESTS} requests, ${REQUESTS_AT_ONCE} at once`,
    unit: "requests/s",
    isForAll: true,
    cost: { unit: "ms", of: (cpuS) => (cpuS * 1000) / REQUESTS },
    run: async (client) => {
      const { us, lost } = await load(client, "requests", REQUESTS, REQUESTS_AT_ONCE);
      return { value: ((REQUESTS - lost) * 1e6) / us, lost };
    },
  },
  {
    what: `${CONNECTIONS} connections at once`,
    unit: "ms",
    isForAll: true,
    run: async (client) => {
      const { us, lost } = await load(client, "connections", CONNECTIONS);
      return { value: us / 1000, lost };
    },
  },
];

/** The least share of the bare QEMU's throughput. */
function transfer(what: string): Omit<Work, "run"> {
  return {
    what,
    unit: "Gbit/s",
    isForAll: true,
    goal: { least: 0.6 },
    cost: { unit: "s/GB", of: (cpuS, gbitPerS) => cpuS / ((gbitPerS * TRANSFER_S) / 8) },
  };
}

async function iperf({ lab, peer }: Client, ...flags: string[]): Promise<Outcome> {
  const words = ["--client", peer.address, "--port", String(PORTS.iperf), "--time", String(TRANSFER_S)];
  const output = await lab.run("iperf3", ...words, "--json", ...flags);
  const report = JSON.parse(output) as { end: { sum_received?: { bits_per_second: number } } };
  const { sum_received: sum } = report.end;
  if (sum === undefined) throw new Error(`iperf3: expected end.sum_received, found ${output}`);
  return { value: sum.bits_per_second / 1e9 };
}

async function ping({ lab, peer }: Client): Promise<Outcome> {
  const output = await lab.run("ping", "-n", "-i", "0.01", "-c", String(PINGS), peer.address);
  const timesMs = [...output.matchAll(/ time=([\d.]+) ms$/gm)].map(([, ms]) => Number(ms));
  return { value: median(timesMs), lost: PINGS - timesMs.length };
}

/** client.c */
async function load(client: Client, ...words: (string | number)[]): Promise<{ us: number; lost: number }> {
  const output = await runClient(client, ...words);
  const [, us, lost] = /^us (\d+)\nlost (\d+)$/m.exec(output) ?? [];
  if (us === undefined) throw new Error(`net-client: expected "us N" and "lost N", found ${output}`);
  return { us: Number(us), lost: Number(lost) };
}

/** The /proc/stat of the kernel that the servers are on. */
export function statOf(client: Client): Promise<string> {
  return runClient(client, "stat");
}

function runClient({ bench, lab, peer }: Client, ...[work = "", ...numbers]: (string | number)[]) {
  const target = [peer.address, String(PORTS.http)];
  return lab.run(bench.program("net-client"), String(work), ...target, ...numbers.map(String));
}
