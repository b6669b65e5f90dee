import { closeSync, existsSync, openSync, readFileSync, statSync } from "node:fs";
import { arch, machine, release } from "node:os";
import { readText } from "./host-files.ts";
import { fail, ok, warn, type Finding } from "../host/finding.ts";
import type { Check } from "./check.ts";
import { distribution } from "./distribution.ts";
import { firstLine, runProgram } from "../host/run-program.ts";
import { isRoot } from "../host/user-namespace.ts";

/** The host itself: what it is, and what its kernel can do. */
export const HOST_CHECKS: readonly Check[] = [
  { group: "host", name: "system", modes: ["vm"], run: system },
  { group: "host", name: "host kernel", modes: ["vm"], run: kernel },
  { group: "host", name: "node", modes: ["vm", "container"], run: node },
  { group: "host", name: "namespaces", modes: ["vm", "container"], run: namespaces },
  { group: "host", name: "user namespaces", modes: [], run: userNamespaces },
  { group: "host", name: "file systems", modes: ["vm", "container"], run: fileSystems },
  { group: "host", name: "terminals", modes: [], run: terminals },
];

function system(): Finding {
  const found = `${distribution().name}, ${process.platform} ${machine()}`;
  if (process.platform === "linux" && arch() === "x64") return ok(found);
  return fail(found, "VM mode is for Linux on x86-64; container mode works elsewhere too");
}

/** mount_setattr(2): since Linux 5.12; open_tree(2) and move_mount(2) since 5.2. The shadow builds its tree with them. */
function kernel(): Finding {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  if (major > 5 || (major === 5 && minor >= 12)) return ok(release());
  return fail(
    `${release()} has no mount_setattr`,
    "VM mode needs Linux 5.12 or later: apt-get install linux-image-amd64",
  );
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const found = `${process.versions.node} (${process.execPath})`;
  if (major > 20 || (major === 20 && minor >= 19)) return ok(found);
  return fail(found, "install Node.js 20.19 or later: https://nodejs.org/en/download");
}

/** By making them: whether a kernel has them and whether we may are both seen. */
async function namespaces(): Promise<Finding> {
  const kinds = ["mount", "uts", "ipc", "net", "pid", "cgroup"];
  const own = isRoot() ? [] : ["--user", "--map-root-user"];
  const args = [...own, ...kinds.map((kind) => `--${kind}`), "--fork", "true"];
  const { code, output } = await runProgram("unshare", args);
  if (code === 0) return ok(`${kinds.join(", ")}: can be made${isRoot() ? "" : " in a user namespace"}`);
  return fail(
    firstLine(output),
    isRoot()
      ? "run with CAP_SYS_ADMIN (inside another container: docker run --privileged)"
      : `run it with sudo, or let users make user namespaces: ${sysctls()}`,
  );
}

/** What may keep a user from user namespaces: the kernel's own limit, Debian's switch, Ubuntu's. */
const USERNS_SYSCTLS = [
  ["user.max_user_namespaces", 10_000],
  ["kernel.unprivileged_userns_clone", 1],
  ["kernel.apparmor_restrict_unprivileged_userns", 0],
] as const;

function sysctls(): string {
  const there = USERNS_SYSCTLS.filter(([name]) => existsSync(`/proc/sys/${name.replaceAll(".", "/")}`));
  return `sysctl -w ${there.map(([name, value]) => `${name}=${value}`).join(" ")}`;
}

async function userNamespaces(): Promise<Finding> {
  const { code, output } = await runProgram("unshare", ["--user", "--map-root-user", "true"]);
  if (code === 0) return ok("can be made");
  return warn(
    `${firstLine(output)}: bundles with a user namespace cannot run in container mode`,
    "sysctl -w user.max_user_namespaces=10000",
  );
}

function fileSystems(): Finding {
  const known: string[] = readText("/proc/filesystems").match(/\S+$/gm) ?? [];
  const needed = ["proc", "sysfs", "tmpfs", "devpts", "mqueue"];
  const missing = needed.filter((name) => !known.includes(name));
  if (missing.length > 0) {
    return fail(`the host's kernel lacks ${missing.join(", ")}`, "use the distribution's own kernel");
  }
  if (known.includes("overlay")) return ok(`${needed.join(", ")}, overlay`);
  return warn("no overlay: podman and containerd use it for images", "modprobe overlay");
}

/** Character device 5:2 (kernel: Documentation/admin-guide/devices.txt). */
const PTMX_RDEV = (5 << 8) | 2;

function terminals(): Finding {
  try {
    closeSync(openSync("/dev/ptmx", "r+"));
    if (statSync("/dev/ptmx").rdev !== PTMX_RDEV) throw new Error("/dev/ptmx is another device");
    const used = readFileSync("/proc/sys/kernel/pty/nr", "utf8").trim();
    const max = readFileSync("/proc/sys/kernel/pty/max", "utf8").trim();
    return ok(`/dev/ptmx opens, ${used} of ${max} in use`);
  } catch (error) {
    return warn(
      `${error instanceof Error ? error.message : String(error)}: no container can have a terminal`,
      "mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts; ln -sfn pts/ptmx /dev/ptmx",
    );
  }
}
