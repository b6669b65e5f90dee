import { writeFileSync } from "node:fs";
import { makeCgroup, planCgroup } from "../../src/host/cgroup.ts";
import { removeCgroups } from "../../src/host/cgroup-remove.ts";
import { bareQemu } from "../bare-vm.ts";
import type { Workbench } from "../workbench.ts";
import type { Lab } from "./lab.ts";
import type { Peer, Vm } from "./peers.ts";
import { bareInitramfs } from "./server-files.ts";
import { gone, readyOr, start } from "./server-process.ts";

/** The floor: QEMU as we start it, with a tap, a card and the same kernel, and nothing of ours. */
export async function barePeer(bench: Workbench, lab: Lab, vm: Vm): Promise<Peer> {
  const { link, address, vhost } = await lab.tap();
  const netdev = `tap,id=net,ifname=${link},script=no,downscript=no${vhost ? ",vhost=on" : ""}`;
  const card = ["-netdev", netdev, "-device", "virtio-net-device,netdev=net"];
  const initrd = await bareInitramfs(bench, address);
  const { command, args } = bareQemu(vm, vm.kernel, initrd, ["-serial", "stdio", ...card]);
  const child = start([...lab.inside, command, ...args]);
  const leave = enterCgroup(child.pid ?? 0, bench.newId());
  const close = async (): Promise<void> => {
    await gone(child);
    await leave();
  };
  await readyOr(child, close);
  return {
    name: "bare QEMU",
    address,
    isFloor: true,
    isVm: true,
    answersPing: true,
    pids: [child.pid ?? 0],
    close,
  };
}

/** Beside those of our VMs: on a busy host each cgroup gets its share of the processors, however many are in it. @returns what removes it */
function enterCgroup(pid: number, id: string): () => Promise<void> {
  const folders = planCgroup(`/nano-sandbox/${id}`);
  for (const procs of makeCgroup(folders)) writeFileSync(procs, String(pid));
  return () => removeCgroups(folders.made);
}
