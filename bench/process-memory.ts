import { readdirSync, readFileSync } from "node:fs";
import type { ContainerRecord } from "../src/state/record.ts";

/** What one process costs the host, without the memory that is the guest's own. */
export interface ProcessUse {
  pid: number;
  /** Proportional set size: pages shared with n processes count 1/n (proc_pid_smaps(5)). */
  pssKib: number;
  /** Pages that nobody else has. */
  privateKib: number;
  descriptors: number;
}

/** The processes that stay with one container in a VM, by their names. */
export function vmProcesses(record: Pick<ContainerRecord, "id" | "pid" | "vm">): Record<string, number> {
  const { vm } = record;
  if (vm === undefined) throw new Error(`${record.id} is not in a VM`);
  const monitor = vm.monitorPid;
  const children = readFileSync(`/proc/${monitor}/task/${monitor}/children`, "utf8").trim().split(" ");
  const server = children.map(Number).find((pid) => pid !== vm.vmmPid && nameOf(pid) === "virtiofsd");
  return {
    monitor,
    shadow: record.pid,
    QEMU: vm.vmmPid,
    ...(server !== undefined && { virtiofsd: server }),
  };
}

function nameOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
}

/** @param guestMib size of the guest's memory: the mapping of that size is left out of the sums. */
export function processUse(pid: number, guestMib: number): ProcessUse {
  const use: ProcessUse = {
    pid,
    pssKib: 0,
    privateKib: 0,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
  for (const mapping of mappings(pid)) {
    if (isGuestMemory(mapping, guestMib)) continue;
    use.pssKib += mapping.kib("Pss");
    use.privateKib += mapping.kib("Private_Clean") + mapping.kib("Private_Dirty");
  }
  return use;
}

interface Mapping {
  head: string;
  kib: (field: string) => number;
}

/** The entries of /proc/PID/smaps: each begins with the line of addresses. */
function mappings(pid: number): Mapping[] {
  const text = readFileSync(`/proc/${pid}/smaps`, "utf8");
  return text.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).map((entry) => ({
    head: entry.slice(0, entry.indexOf("\n")),
    kib: (field) => Number(new RegExp(`^${field}: +(\\d+) kB$`, "m").exec(entry)?.[1] ?? 0),
  }));
}

/** Shared with a server it is a memfd, else a mapping without a name. */
function isGuestMemory({ head, kib }: Mapping, guestMib: number): boolean {
  return head.includes("memfd:memory-backend") || kib("Size") === guestMib * 1024;
}
