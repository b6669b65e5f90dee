import { readFileSync } from "node:fs";

/** A mount of our mount namespace, as proc(5) describes it. */
export interface MountedAt {
  path: string;
  /** "major:minor" of what is mounted. */
  device: string;
  /** Of the mount: "rw", "nosuid" … */
  options: string[];
  type: string;
  /** Of the file system: "rw", the controllers of a cgroup hierarchy of version 1 … */
  superOptions: string[];
}

/** The mounts of our namespace, in the order of their making. */
export function mountTable(mountinfo = readFileSync("/proc/self/mountinfo", "utf8")): MountedAt[] {
  return mountinfo
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, , device = "", , path = "", options = ""] = line.split(" ");
      const [type = "", , superOptions = ""] = (line.split(" - ")[1] ?? "").split(" ");
      return {
        path: unescaped(path),
        device,
        options: options.split(","),
        type,
        superOptions: superOptions.split(","),
      };
    });
}

/** Blanks and backslashes are octal there. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
