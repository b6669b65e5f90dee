import { HOST_ANNOTATIONS } from "./annotations.ts";

/** The newest version of the runtime specification whose members we know. */
export const OCI_VERSION = "1.2.0";

/**
 * What both modes can do (runtime-spec features.md). A member that is absent means "unknown", an empty list "none"; the lists are those
 * of the runtimes that do the work: runc and crun on the host, crun in the VM.
 */
export function features(version: string): Record<string, unknown> {
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: OCI_VERSION,
    hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
    mountOptions: words(MOUNT_OPTIONS),
    linux: {
      namespaces: ["cgroup", "ipc", "mount", "network", "pid", "user", "uts"],
      capabilities: words(CAPABILITIES).map((name) => `CAP_${name}`),
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: false },
      seccomp: {
        enabled: true,
        actions: words(SECCOMP_ACTIONS).map((name) => `SCMP_ACT_${name}`),
        operators: words(SECCOMP_OPERATORS).map((name) => `SCMP_CMP_${name}`),
        archs: words(SECCOMP_ARCHS).map((name) => `SCMP_ARCH_${name}`),
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: false },
    },
    annotations: { "org.nano-sandbox.version": version, "org.nano-sandbox.modes": "container,vm" },
    // They name files or ports of the host. It does not take them unless its administrator lets it.
    potentiallyUnsafeConfigAnnotations: HOST_ANNOTATIONS,
  };
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** Without those of runc that crun 1.8 in the VM refuses (`rnoatime` and others about times) or does not do (`nosymfollow`, `rnosymfollow`, `rrelatime`). */
const MOUNT_OPTIONS = `
  acl async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noacl noatime nodev nodiratime noexec
  noiversion nolazytime nomand norelatime nostrictatime nosuid private rbind rdev relatime remount rexec rnodev rnoexec
  rnorelatime rnosuid ro rprivate rro rrw rshared rslave rsuid rsymfollow runbindable rw shared silent slave strictatime suid
  symfollow sync tmpcopyup unbindable`;

const CAPABILITIES = `
  CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
  NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
  SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
  MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`;

const SECCOMP_ACTIONS = "ALLOW ERRNO KILL KILL_PROCESS KILL_THREAD LOG TRACE TRAP";
const SECCOMP_OPERATORS = "EQ GE GT LE LT MASKED_EQ NE";
const SECCOMP_ARCHS = "X86 X86_64 X32";
