import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { NetworkLab } from "../fixtures/network/lab.ts";
import { cgroups, lockFiles, mounts, processes } from "../vm/residue.ts";

/** Where an engine and its containers are. */
export interface Place {
  /** Of the engine, which has its files, and is the mark of its processes. */
  folder: string;
  /** Part of the paths of its containers' cgroups. */
  cgroup: string;
  lab: NetworkLab;
}

/** What there is of an engine and its containers: to be the same when containers have come and gone. */
export async function standing({ folder, cgroup, lab }: Place): Promise<string[]> {
  // Not what is in layers, which an engine removes when it likes.
  const without = ["*/vfs/dir/*", "*/snapshots/*"].flatMap((path) => ["-not", "-path", path]);
  const { stdout } = await promisify(execFile)("find", [folder, ...without]);
  const links = await lab.run(lab.host, ["ip", "-brief", "link"]);
  const rules = await lab.run(lab.host, ["iptables-save"]);
  return [
    ...processes(folder),
    ...mounts([folder]),
    ...cgroups(`*${cgroup}*`),
    ...lockFiles(folder),
    ...stdout.split("\n").map((path) => `file ${path}`),
    ...links.split("\n").map((link) => `link ${link.split(/[@ ]/)[0] ?? ""}`),
    ...rules.split("\n").filter((rule) => rule.startsWith("-A")),
  ].sort();
}

/** Of podman: of a command that has ended they may go on for a while. */
export function conmons(folder: string): string[] {
  return processes(folder).filter((line) => /^process \d+: \S*\/(conmon|podman) /.test(line));
}
