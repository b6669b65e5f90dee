import { join } from "node:path";
import type { DiskSlot } from "../../image/root-disks.ts";
import type { CardShape } from "../shape.ts";
import { cardArgs } from "./card.ts";
import type { ShareDevice } from "./share-device.ts";

/** Descriptors that QEMU is given: of sockets that are connected (see `Daemon`), */
export const QMP_FD = 3;
export const CONSOLE_FD = 4;
/** and of those that listen. */
export const AGENT_FD = 5;
export const PEOPLE_FD = 6;

/** Name of the port by which the agent finds its connection (protocol/agent-protocol.md). */
const AGENT_PORT = "nk.agent";

/** The first is always a console's. For each of the 31 that there are else, the guest's kernel makes queues. */
const SERIAL_PORTS = 2;

/** Translated code kept by TCG: with 32 a boot takes a tenth more CPU time, 512 gains nothing (docs/decisions/0004). */
const TB_SIZE_MIB = 128;

export interface QemuArgvOptions {
  qemu: string;
  accel: "kvm" | "tcg";
  vcpus: number;
  memSizeMib: number;
  kernel: string;
  initrd: string | undefined;
  cmdline: string;
  /** The guest need not measure its clock against the old timer chip. */
  knownTsc: boolean;
  /** It does not filter its system calls (Shape.isUnlocked). */
  isUnlocked: boolean;
  /** What is left out for a probe: connections to an agent, and a share. */
  vm?: QemuVmOptions;
}

export interface QemuVmOptions {
  id: string;
  share: Pick<ShareDevice, "args" | "sharedMemory"> | undefined;
  disks: readonly DiskSlot[];
  card?: CardShape | undefined;
  debug: boolean;
}

/**
 * All that TCG can do, so that programs built for x86-64-v3 run, but for "fast string operations": they make the kernel copy and clear
 * by `rep movsb` and `rep stosb`, which TCG carries out byte by byte. A first `true` takes 75 ms without them, 255 ms with.
 * And but for SMAP, with which each access of the guest's kernel to a program's memory uses a TLB of its own: 5 % of execs and streams.
 */
export const EMULATED_CPU = "max,-erms,-fsrm,-smap";

/** The whole command line of QEMU. Of its many devices only those that are named here exist. */
export function qemuArgv(options: QemuArgvOptions): [string, ...string[]] {
  const { accel, vcpus, memSizeMib, kernel, initrd, cmdline, isUnlocked, vm } = options;
  const backend = `memory-backend-memfd,id=mem,size=${memSizeMib}M,share=on`;
  const args: string[][] = [
    vm === undefined ? [] : ["-name", quoteValue(`nk-${vm.id}`)],
    ["-M", machine(options)],
    ["-accel", accelerator(accel, vcpus)],
    ["-cpu", accel === "kvm" ? "host" : EMULATED_CPU],
    ["-smp", String(vcpus)],
    ["-m", String(memSizeMib)],
    vm?.share?.sharedMemory === true ? ["-object", backend] : [],
    ["-nodefaults", "-no-user-config", "-nographic"],
    ["-no-reboot"], // a guest that restarts itself ends the VM: nothing in it could come back
    ["-kernel", kernel],
    initrd === undefined ? [] : ["-initrd", initrd],
    ["-append", cmdline],
    ["-chardev", `socket,id=qmp,fd=${QMP_FD}`, "-mon", "chardev=qmp,mode=control"],
    ["-chardev", `socket,id=console,fd=${CONSOLE_FD}`, "-serial", "chardev:console"],
    // The guest's kernel reports its panic through it, so that one is told apart from a restart.
    ["-device", "pvpanic"],
    // Servers in other processes (vhost-user) refuse old-style virtio.
    ["-global", "virtio-mmio.force-legacy=false"],
    vm === undefined ? [] : devices(vm),
    // A guest that broke out into QEMU finds no exec, no setuid and no obsolete system calls.
    isUnlocked ? [] : ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
  ];
  return [options.qemu, ...args.flat()];
}

/** A value inside an option: a comma ends the value unless it is doubled (qemu-options, "Device options"). */
function quoteValue(value: string): string {
  return value.replaceAll(",", ",,");
}

/** What QEMU has as its nth disk. */
export function diskPath(index: number): string {
  return `/disk${index}`;
}

export function agentSocketPath(stateDir: string): string {
  return join(stateDir, "agent.sock");
}

export function qmpSocketPath(stateDir: string): string {
  return join(stateDir, "qmp.sock");
}

/**
 * acpi=on: without it a guest's poweroff does not end QEMU. rtc stays on: without it the kernel waits 1.5 s for an answer of
 * the clock chip. pit and pic: the old timer and interrupt chips are only needed to measure an unknown counter.
 */
function machine({ knownTsc, accel, vm }: QemuArgvOptions): string {
  const chips = knownTsc || accel === "kvm" ? ",pit=off,pic=off" : "";
  return `microvm,acpi=on,rtc=on,isa-serial=on${chips}${vm?.share?.sharedMemory === true ? ",memory-backend=mem" : ""}`;
}

/** One thread for one CPU saves the locks; with more CPUs each has its own. */
function accelerator(accel: "kvm" | "tcg", vcpus: number): string {
  return accel === "kvm" ? "kvm" : `tcg,thread=${vcpus === 1 ? "single" : "multi"},tb-size=${TB_SIZE_MIB}`;
}

function devices({ share, disks, card, debug }: QemuVmOptions): string[] {
  const agent = `socket,id=agent,fd=${AGENT_FD},server=on,wait=off`;
  const people = `socket,id=people,fd=${PEOPLE_FD},server=on,wait=off`;
  const args: string[][] = [
    ["-device", `virtio-serial-device,max_ports=${SERIAL_PORTS}`],
    ["-chardev", agent],
    ["-device", `virtserialport,chardev=agent,name=${AGENT_PORT}`],
    ["-device", "virtio-rng-device"],
    [...(share?.args ?? [])],
    ...disks.map(diskArgs),
    card === undefined ? [] : cardArgs(card),
    debug ? ["-chardev", people, "-mon", "chardev=people,mode=control"] : [],
  ];
  return args.flat();
}

/**
 * no-flush: the disk ends with the VM, so nothing is gained by a flush that reaches the host's. unmap: what the guest deletes takes no
 * more room. report: when the host's disk is full the guest gets the error; QEMU would stop the whole guest.
 */
function diskArgs({ readOnly }: DiskSlot, index: number): string[] {
  const file = `file.driver=file,file.filename=${diskPath(index)}`;
  const cache = `cache.direct=off,cache.no-flush=on,discard=unmap,read-only=${readOnly ? "on" : "off"}`;
  return [
    "-blockdev",
    `driver=raw,node-name=disk${index},${file},${cache}`,
    "-device",
    `virtio-blk-device,drive=disk${index},werror=report,rerror=report`,
  ];
}
