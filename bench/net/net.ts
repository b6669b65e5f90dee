import type { Measurement } from "../measurement.ts";
import type { Workbench } from "../workbench.ts";
import { barePeer } from "./bare-peer.ts";
import { busyOf, cpuOf, difference } from "./cpu.ts";
import { findingsOf, type Cpu, type Series } from "./findings.ts";
import { Lab } from "./lab.ts";
import { containerPeer, runscPeer, vmPeer, type Peer } from "./peers.ts";
import { statOf, WORKS, type Client } from "./works.ts";

/** A container and the host, by each kind of network, beside a bare QEMU with a tap, in network namespaces of their own. */
export const net: Measurement = {
  name: "net",
  async measure(outer, runs) {
    if (outer.vmm !== "qemu") throw new Error(`net: expected the VMM qemu, found ${outer.vmm}`);
    const lab = await Lab.make();
    const bench = outer.behind(lab.inside);
    const peers: Peer[] = [];
    try {
      await addPeers(peers, bench, lab);
      return findingsOf(await measureAll(bench, lab, peers, runs));
    } finally {
      for (const peer of peers) await peer.close().catch(() => {});
      await bench.close();
      await lab.close();
    }
  },
};

/** @param peers to which they are added one by one, so that they can be ended when one cannot be had */
async function addPeers(peers: Peer[], bench: Workbench, lab: Lab): Promise<void> {
  const tap = await vmPeer(bench, lab, "tap");
  peers.push(tap);
  peers.push(await barePeer(bench, lab, tap.vm));
  peers.push(await vmPeer(bench, lab, "netns"));
  peers.push(await vmPeer(bench, lab, "user"));
  peers.push(await containerPeer(bench, lab));
  const runsc = await runscPeer(bench, lab);
  if (runsc !== undefined) peers.push(runsc);
  else process.stderr.write("runsc is left out: it is not installed, or does not run here\n");
}

/** Each work with one after the other: their samples are of the same minute. */
async function measureAll(
  bench: Workbench,
  lab: Lab,
  peers: readonly Peer[],
  runs: number,
): Promise<Series[]> {
  const series = WORKS.flatMap((work) =>
    peers
      .filter((peer) => work.isForAll || peer.answersPing)
      .map((peer): Series => ({ peer, work, values: [], lost: [], cpu: [] })),
  );
  // The first time all code is translated.
  for (let run = 0; run <= runs; run += 1) {
    for (const { peer, work, values, lost, cpu } of series) {
      const client = { bench, lab, peer };
      const before = await cpuNow(client);
      const outcome = await work.run(client);
      const after = await cpuNow(client);
      lost.push(outcome.lost ?? 0);
      if (run === 0) continue;
      values.push(outcome.value);
      cpu.push({ host: difference(after.host, before.host), guest: difference(after.guest, before.guest) });
    }
  }
  return series;
}

/** Of its processes on the host, and of its own kernel. */
async function cpuNow(client: Client): Promise<Cpu> {
  const { pids, isVm } = client.peer;
  return { host: cpuOf(pids), guest: isVm ? busyOf(await statOf(client)) : {} };
}
