import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cpioArchive, type CpioEntry } from "../../src/image/cpio.ts";
import { findProgram } from "../../src/host/programs.ts";
import { timeProcess } from "../process.ts";
import type { Workbench } from "../workbench.ts";

export const PORTS = { iperf: 5201, http: 8080 } as const;

/** What the servers print when they listen. */
export const READY = ["Server listening", "net-server is ready"] as const;

/** The same program in containers and in the bare guest. */
export const SERVE = "/serve";
const SERVE_SCRIPT = `#!/bin/busybox sh
/bin/iperf3 --server --forceflush --port ${PORTS.iperf} &
exec /bin/net-server ${PORTS.http}
`;

/** A file of the guest's and the file of the host that it is. */
type Copies = ReadonlyMap<string, string>;

/** The servers, and the libraries that iperf3 is linked with. */
async function copies(bench: Workbench): Promise<Copies> {
  const iperf = programPath("iperf3");
  const { output } = await timeProcess("ldd", [iperf]);
  const libraries = [...output.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => [path, path] as const);
  return new Map([["/bin/iperf3", iperf], ["/bin/net-server", bench.program("net-server")], ...libraries]);
}

export function programPath(name: string): string {
  const path = findProgram(name, process.env["PATH"] ?? "", ["/usr/bin", "/usr/sbin"]);
  if (path === undefined) throw new Error(`expected the program ${name} on the PATH, found none`);
  return path;
}

/** Puts them into a root file system. */
export async function addServers(bench: Workbench, rootfs: string): Promise<void> {
  for (const [name, source] of await copies(bench)) {
    const path = join(rootfs, name);
    mkdirSync(dirname(path), { recursive: true });
    copyFileSync(source, path);
  }
  writeFileSync(join(rootfs, SERVE), SERVE_SCRIPT, { mode: 0o755 });
}

/** An initramfs whose /init gives the card an address, and serves; nothing of ours is in it. */
export async function bareInitramfs(bench: Workbench, address: string): Promise<string> {
  const files = new Map([...(await copies(bench)), ["/bin/busybox", programPath("busybox")]]);
  const entries: CpioEntry[] = [
    ...foldersOf([...files.keys(), "/dev/x", "/proc/x", "/tmp/x"]),
    { type: "nod", name: "/dev/console", mode: 0o600, major: 5, minor: 1 },
    ...[...files].map(([name, path]) => file(name, readFileSync(path))),
    file(SERVE, Buffer.from(SERVE_SCRIPT)),
    file("/init", Buffer.from(initScript(address))),
  ];
  const path = join(bench.folder, "bare-net.cpio");
  writeFileSync(path, cpioArchive(entries));
  return path;
}

function initScript(address: string): string {
  return `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox ip link set lo up
/bin/busybox ip addr add ${address}/24 dev eth0
/bin/busybox ip link set eth0 up
exec ${SERVE}
`;
}

/** All folders that the paths are in, the outer ones first. */
function foldersOf(paths: readonly string[]): CpioEntry[] {
  const names = new Set<string>();
  for (const path of paths)
    for (let name = dirname(path); name !== "/"; name = dirname(name)) names.add(name);
  return [...names].sort().map((name) => ({ type: "dir", name, mode: 0o755 }));
}

function file(name: string, data: Uint8Array): CpioEntry {
  return { type: "file", name, mode: 0o755, data };
}
