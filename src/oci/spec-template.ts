/** The user a rootless container belongs to on the host. */
export interface Owner {
  uid: number;
  gid: number;
}

/** The config.json that `spec` writes: runc's, so that what is written about runc holds. @param owner makes it rootless. */
export function specTemplate(owner?: Owner): Record<string, unknown> {
  const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "nk-runtime",
    mounts: mounts(owner),
    linux: linux(owner),
  };
}

function mounts(owner: Owner | undefined): Record<string, unknown>[] {
  const quiet = ["nosuid", "noexec", "nodev"];
  // Group 5 (tty) is not mapped in a user namespace of one user.
  const ttyGroup = owner ? [] : ["gid=5"];
  const sys = owner ? { type: "none", source: "/sys" } : { type: "sysfs", source: "sysfs" };
  return [
    { destination: "/proc", type: "proc", source: "proc" },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", ...ttyGroup],
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: [...quiet, "mode=1777", "size=65536k"],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: quiet },
    { destination: "/sys", ...sys, options: [...(owner ? ["rbind"] : []), ...quiet, "ro"] },
    {
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: [...quiet, "relatime", "ro"],
    },
  ];
}

function linux(owner: Owner | undefined): Record<string, unknown> {
  const types = owner ? ["pid", "ipc", "uts", "mount", "user"] : ["pid", "network", "ipc", "uts", "mount"];
  const userMappings = owner && {
    uidMappings: [{ containerID: 0, hostID: owner.uid, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: owner.gid, size: 1 }],
  };
  return {
    ...(userMappings ?? { resources: { devices: [{ allow: false, access: "rwm" }] } }),
    namespaces: types.map((type) => ({ type })),
    maskedPaths: MASKED_PATHS,
    readonlyPaths: READONLY_PATHS,
  };
}

const MASKED_PATHS = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/sys/firmware",
  "/proc/scsi",
];

const READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
