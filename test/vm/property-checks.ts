import type { BundleOptions } from "../fixtures/make-bundle.ts";

/** A command for the container's shell, whose name is "a b", and what it prints where the property is honoured. */
export type Seen = readonly [command: string, expected: RegExp];

const NAMESPACES = ["pid", "network", "mount", "ipc", "uts", "cgroup"];
const CAPABILITY = ["CAP_CHOWN", "CAP_MKNOD"];
const MIB = 1024 * 1024;

/** A container that asks for all that can be asked for at once. */
export const WHOLE: BundleOptions = {
  hostname: "here",
  readonlyRoot: true,
  noNewPrivileges: true,
  process: {
    cwd: "/usr",
    env: ["PATH=/bin", "COLOR=dark blue"],
    user: { uid: 1000, gid: 1001, umask: 0o27, additionalGids: [5] },
    capabilities: {
      bounding: [...CAPABILITY, "CAP_KILL"],
      permitted: [...CAPABILITY, "CAP_KILL"],
      effective: CAPABILITY,
      inheritable: CAPABILITY,
      ambient: ["CAP_CHOWN"],
    },
    oomScoreAdj: 123,
  },
  files: { "/masked/file": "secret\n", "/fixed/file": "" },
  mounts: [{ destination: "/scratch", type: "tmpfs", source: "named", options: ["mode=1777"] }],
  config: { ociVersion: "1.2.1", domainname: "example.org" },
  linux: {
    namespaces: NAMESPACES.map((type) => ({ type })),
    devices: [
      { type: "c", path: "/dev/mine", major: 1, minor: 3, fileMode: 0o660, uid: 7, gid: 5 },
      { type: "c", path: "/dev/log", major: 1, minor: 11, fileMode: 0o666 },
      { type: "p", path: "/dev/fifo", fileMode: 0o600 },
    ],
    resources: {
      devices: [
        { allow: false, access: "rwm" },
        { allow: true, type: "c", major: 1, minor: 3, access: "rw" },
      ],
      memory: { limit: 128 * MIB, reservation: 32 * MIB },
      cpu: { quota: 50_000, period: 100_000, burst: 20_000, shares: 512, idle: 0 },
      pids: { limit: 77 },
      unified: { "memory.high": String(96 * MIB) },
    },
    rootfsPropagation: "shared",
    seccomp: { defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_LOG"] },
    sysctl: { "kernel.msgmax": "4321" },
    maskedPaths: ["/masked"],
    readonlyPaths: ["/scratch"],
    personality: { domain: "LINUX32" },
  },
};

const cgroup = (file: string): string => `cat /sys/fs/cgroup/${file}`;
const status = (name: string): string => `grep ^${name} /proc/self/status`;
const set = (...bits: number[]): RegExp =>
  new RegExp(
    `\t${bits
      .reduce((sum, bit) => sum + 2 ** bit, 0)
      .toString(16)
      .padStart(16, "0")}$`,
    "m",
  );
const CHOWN = 0;
const KILL = 5;
const MKNOD = 27;

/** PID 1 of the guest cannot be looked at: a namespace of the container's own is seen by what it has. */
const OWN_NAMESPACES: Readonly<Record<string, Seen>> = {
  "linux.namespaces[].type pid": ["echo $$", /^1\n$/],
  "linux.namespaces[].type network": ["ls /sys/class/net", /^(lo\n)?$/],
  "linux.namespaces[].type mount": ["cat /proc/self/mountinfo | grep -c /run/nk", /^0\n$/],
  "linux.namespaces[].type ipc": ["cat /proc/sysvipc/shm | wc -l", /^1\n$/],
  "linux.namespaces[].type uts": ["hostname", /^here\n$/],
  "linux.namespaces[].type cgroup": ["cat /proc/self/cgroup", /^0::\/\n$/],
};

export const IN_GUEST: Readonly<Record<string, Seen>> = {
  ociVersion: ["echo ran", /^ran\n$/],
  "root.readonly": ["echo x >/x", /Read-only file system/],
  "process.args": ['echo "$0"', /^a b\n$/],
  "process.cwd": ["pwd", /^\/usr\n$/],
  "process.env": ["echo $COLOR", /^dark blue\n$/],
  "process.user.uid": ["id -u", /^1000\n$/],
  "process.user.gid": ["id -g", /^1001\n$/],
  "process.user.umask": ["umask", /^0027\n$/],
  "process.user.additionalGids": ["id -G", /^1001 5\n$/],
  "process.capabilities.bounding": [status("CapBnd"), set(CHOWN, KILL, MKNOD)],
  "process.capabilities.permitted": [status("CapPrm"), set(CHOWN)],
  "process.capabilities.effective": [status("CapEff"), set(CHOWN)],
  "process.capabilities.inheritable": [status("CapInh"), set(CHOWN, MKNOD)],
  "process.capabilities.ambient": [status("CapAmb"), set(CHOWN)],
  "process.noNewPrivileges": [status("NoNewPrivs"), /1\n/],
  "process.oomScoreAdj": ["cat /proc/self/oom_score_adj", /^123\n$/],
  hostname: ["cat /proc/sys/kernel/hostname", /^here\n$/],
  domainname: ["cat /proc/sys/kernel/domainname", /^example.org\n$/],
  "mounts[].source": ["grep ' /scratch ' /proc/self/mountinfo", / - tmpfs named /],
  ...OWN_NAMESPACES,
  "linux.devices": [
    "ls -ln /dev/mine /dev/fifo; echo x >/dev/mine && echo written",
    /^prw-------[^]*^crw-rw---- +1 7 +5 +1, +3 [^]*^written\n$/m,
  ],
  "linux.resources.devices": ["cat /dev/log", /Operation not permitted/],
  "linux.resources.memory.limit": [cgroup("memory.max"), /^134217728\n$/],
  "linux.resources.memory.reservation": [cgroup("memory.low"), /^33554432\n$/],
  "linux.resources.cpu.shares": [cgroup("cpu.weight"), /^20\n$/],
  "linux.resources.cpu.quota": [cgroup("cpu.max"), /^50000 /],
  "linux.resources.cpu.period": [cgroup("cpu.max"), / 100000\n$/],
  "linux.resources.cpu.burst": [cgroup("cpu.max.burst"), /^20000\n$/],
  "linux.resources.cpu.idle": [cgroup("cpu.idle"), /^0\n$/],
  "linux.resources.pids.limit": [cgroup("pids.max"), /^77\n$/],
  "linux.resources.unified": [cgroup("memory.high"), /^100663296\n$/],
  "linux.sysctl": ["cat /proc/sys/kernel/msgmax", /^4321\n$/],
  "linux.seccomp.flags[]": [status("Seccomp:"), /\t2\n/],
  "linux.rootfsPropagation": ["grep ' / / ' /proc/self/mountinfo", / shared:/],
  "linux.maskedPaths": ["ls /masked", /^$/],
  "linux.readonlyPaths": ["echo x >/scratch/x", /Read-only file system/],
  "linux.personality": ["uname -m", /^i686\n$/],
};

/** Without a sysfs, which such a container cannot mount in the VM's network. */
export const REMAPPED: BundleOptions = {
  config: {
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
  },
  linux: {
    namespaces: ["pid", "mount", "ipc", "uts", "user"].map((type) => ({ type })),
    uidMappings: [{ containerID: 0, hostID: 0, size: 2000 }],
    gidMappings: [{ containerID: 0, hostID: 0, size: 3000 }],
    maskedPaths: [],
    readonlyPaths: [],
  },
};

const MAP = (kind: string): string => `tr -s ' ' </proc/self/${kind}_map`;

export const IN_USER_NAMESPACE: Readonly<Record<string, Seen>> = {
  "linux.namespaces[].type user": [MAP("uid"), / 2000\n$/],
  "linux.uidMappings": [MAP("uid"), /^ 0 0 2000\n$/],
  "linux.gidMappings": [MAP("gid"), /^ 0 0 3000\n$/],
};

const ANY = / rw,relatime /;
const every = (names: string, expected: RegExp): Record<string, RegExp> =>
  Object.fromEntries(names.split(" ").map((name) => [name, expected]));

/** What mountinfo says of a mount with the option. */
export const MOUNTS: Readonly<Record<"bind" | "tmpfs", Readonly<Record<string, RegExp>>>> = {
  bind: {
    ...every("bind rbind defaults rw suid dev exec atime diratime relatime norelatime nostrictatime", ANY),
    ...every("rrw rsuid rdev rexec rnorelatime rsymfollow symfollow private rprivate slave rslave", ANY),
    ...every("ro rro", / ro,/),
    ...every("nosuid rnosuid", /,nosuid,/),
    ...every("nodev rnodev", /,nodev,/),
    ...every("noexec rnoexec", /,noexec,/),
    ...every("noatime", /,noatime /),
    ...every("nodiratime", /,nodiratime,/),
    ...every("strictatime", / rw /),
    ...every("shared rshared", / shared:/),
    ...every("unbindable runbindable", / unbindable/),
  },
  tmpfs: {
    ...every("async nomand nolazytime silent loud acl noacl iversion noiversion", / - tmpfs tmpfs rw$/),
    ...every("sync", /,sync$/),
    ...every("dirsync", /,dirsync$/),
    ...every("mand", /,mand$/),
    ...every("lazytime", /,lazytime$/),
  },
};
