import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ContainerRecord } from "../../src/state/record.ts";
import { timeProcess } from "../process.ts";
import type { Workbench } from "../workbench.ts";
import { cpuOf } from "./cpu.ts";
import { HOST_ADDRESS, type Lab } from "./lab.ts";
import { addServers, PORTS, READY, SERVE } from "./server-files.ts";
import { gone, readyOr, start, untilSaid } from "./server-process.ts";

/** Somebody with the servers, whom the host connects to. */
export interface Peer {
  name: string;
  address: string;
  /** The others are compared with it. */
  isFloor?: boolean;
  /** It is to be as quick as the floor, nearly. */
  hasGoal?: boolean;
  /** It has a kernel of its own, whose /proc/stat is its own. */
  isVm: boolean;
  /** A program that is the network is not told of the host's pings. */
  answersPing: boolean;
  /** Its processes on the host; their children belong to it too. */
  pids: readonly number[];
  close: () => Promise<void>;
}

/** More than all connections at once. */
const MAX_FILES = 4096;

export type Vm = NonNullable<ContainerRecord["vm"]>;

/** A container of ours in a VM whose card is connected so. */
export async function vmPeer(bench: Workbench, lab: Lab, kind: string): Promise<Peer & { vm: Vm }> {
  const prepared = kind === "netns" ? await lab.veth() : undefined;
  const bundle = await serverBundle(bench, prepared?.netns);
  const publish = Object.values(PORTS).map((port) => `--vm-publish=${port}:${port}`);
  const flags = [`--vm-net=${kind}`, ...(kind === "user" ? publish : [])];
  const { id, close } = await runReady(bench, bundle, ["--mode=vm", ...bench.vmFlags, ...flags]);
  const record = bench.record(id);
  if (record.vm === undefined) throw new Error(`${id} did not run in a VM`);
  const pids = [record.vm.monitorPid, record.pid, record.vm.vmmPid];
  return {
    name: kind === "user" ? userName(pids) : kind,
    address: prepared?.address ?? addressOf(record.vm),
    isVm: true,
    answersPing: kind !== "user",
    hasGoal: kind !== "user",
    pids,
    vm: record.vm,
    close,
  };
}

/** The network is in passt, or where that is not installed in QEMU. */
function userName(pids: readonly number[]): string {
  return Object.keys(cpuOf(pids)).some((name) => name.startsWith("passt")) ? "user (passt)" : "user (QEMU)";
}

/** The container's own, or that of the host on which its ports are published. */
function addressOf({ network }: Vm): string {
  if (network?.kind !== "tap") return HOST_ADDRESS;
  const [address = ""] = network.addresses.find((one) => one.includes("."))?.split("/") ?? [];
  return address;
}

/** On the host's kernel, in a namespace with a veth. */
export async function containerPeer(bench: Workbench, lab: Lab): Promise<Peer> {
  const { netns, address } = await lab.veth();
  const { id, close } = await runReady(bench, await serverBundle(bench, netns), ["--mode=container"]);
  const { output } = await bench.call("state", id);
  const { pid } = JSON.parse(output) as { pid: number };
  return { name: "container mode", address, isVm: false, answersPing: true, pids: [pid], close };
}

/** @returns undefined: it is not installed, or does not run here */
export async function runscPeer(bench: Workbench, lab: Lab): Promise<Peer | undefined> {
  const { netns, address } = await lab.veth();
  const bundle = await serverBundle(bench, netns);
  const [program, ...inside] = lab.inside;
  const words = [...inside, "runsc", "--root", join(bench.states, "runsc")];
  const id = bench.newId();
  const child = start([program, ...words, "run", "--bundle", bundle, id]);
  const close = async (): Promise<void> => {
    await timeProcess(program, [...words, "delete", "--force", id]).catch(() => {});
    await gone(child);
  };
  try {
    await untilSaid(child, READY);
  } catch {
    await close();
    return undefined;
  }
  return { name: "runsc", address, isVm: false, answersPing: true, pids: [child.pid ?? 0], close };
}

/** A bundle that serves; in that network namespace, else in one of its own. */
async function serverBundle(bench: Workbench, netns?: string): Promise<string> {
  const bundle = await bench.bundle([SERVE]);
  await addServers(bench, join(bundle, "rootfs"));
  const path = join(bundle, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as {
    process: { rlimits?: unknown };
    linux: { namespaces: { type: string; path?: string }[] };
  };
  config.process.rlimits = [{ type: "RLIMIT_NOFILE", hard: MAX_FILES, soft: MAX_FILES }];
  for (const namespace of config.linux.namespaces)
    if (namespace.type === "network" && netns !== undefined) namespace.path = netns;
  writeFileSync(path, JSON.stringify(config));
  return bundle;
}

async function runReady(bench: Workbench, bundle: string, flags: readonly string[]) {
  const { id, child } = bench.foreground(bundle, flags);
  const close = async (): Promise<void> => {
    await bench.remove(id);
    await gone(child);
  };
  await readyOr(child, close);
  return { id, close };
}
