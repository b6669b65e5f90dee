import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { netns } from "../../src/network/netns/kind.ts";
import { ip } from "./netns-guest.ts";
import { DROPS, NetnsRig } from "./netns-rig.ts";
import { buildNative } from "./shadow-rig.ts";

let rig: NetnsRig;
beforeAll(buildNative);
beforeEach(() => {
  rig = new NetnsRig();
});
afterEach(() => rig.close());

test("where frames cannot be redirected a bridge stands in for one interface, and is gone afterwards", async () => {
  rig.interfaces({ eth0: 5 });
  const before = rig.traces();
  const mac = rig.mac(rig.container, "eth0");
  await rig.bootVm();
  const network = await rig.open(DROPS);
  const told = await rig.plug(network);
  rig.configure(told);
  rig.ping(rig.guest, "10.5.0.1");
  ip(rig.peer, "neigh flush all");
  rig.ping(rig.peer, "10.5.0.2");
  expect(rig.macOf(rig.peer, "10.5.0.2")).toBe(mac);
  expect(rig.mac(rig.container, "eth0")).not.toBe(mac);
  expect(await network.refresh()).toBeUndefined();
  await rig.endVm();
  await network.close();
  expect(rig.traces()).toBe(before);
});

test("a bridge that a killed monitor has left is removed by its record", async () => {
  rig.interfaces({ eth0: 5 });
  const before = rig.traces();
  await rig.bootVm();
  await rig.plug(await rig.open(DROPS));
  await rig.endVm();
  await netns.release(rig.records[0] ?? { kind: "none" });
  expect(rig.traces()).toBe(before);
});

test("a bridge for several interfaces is refused, with the reason", async () => {
  rig.interfaces({ eth0: 5, eth1: 6 });
  await rig.bootVm();
  const network = await rig.open(DROPS);
  await expect(rig.plug(network)).rejects.toThrow(
    "it has eth0, eth1, expected one interface; frames would have to be redirected with tc, and the test says",
  );
});
