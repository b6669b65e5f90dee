import { each, honoured, IGNORED, leftOut, refused, UNKNOWN, warnedOf, type Property } from "./property.ts";

const NOTIFY = { values: "SCMP_ACT_NOTIFY" };
const LISTENER = "the host cannot get a listener from a VM";

const SECCOMP: readonly Property[] = [
  ...each("defaultAction syscalls[].action", "linux.seccomp.NAME", refused, LISTENER, NOTIFY),
  ...each("defaultAction defaultErrnoRet architectures", "linux.seccomp.NAME", honoured, "", {
    test: "seccomp",
  }),
  ...each("names action errnoRet", "linux.seccomp.syscalls[].NAME", honoured, "", { test: "config" }),
  honoured("linux.seccomp.syscalls[].args", "", { test: "exact-config" }),
  refused("linux.seccomp.flags[]", LISTENER, {
    values: "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
    container: "runc 1.1.5 refuses it",
  }),
  honoured("linux.seccomp.flags[]", "", { container: "runc 1.1.5 refuses it" }),
  refused("linux.seccomp.listenerPath", LISTENER),
  refused("linux.seccomp.listenerMetadata", LISTENER),
];

const HOLDS_VM = { holdsVm: true, test: "cgroups" };

const MEMORY: readonly Property[] = [
  ...each("limit reservation", "linux.resources.memory.NAME", honoured),
  honoured("linux.resources.memory.checkBeforeUpdate"),
  leftOut("linux.resources.memory.swap", "a guest has no swap: its limit is that of the memory"),
  leftOut("linux.resources.memory.swappiness", "a guest has no swap"),
  ...each("kernel kernelTCP useHierarchy", "linux.resources.memory.NAME", leftOut, "cgroup version 1 only"),
  warnedOf("linux.resources.memory.disableOOMKiller", "cgroup version 1 only"),
];

const CPU: readonly Property[] = [
  ...each("shares quota period", "linux.resources.cpu.NAME", honoured),
  honoured("linux.resources.cpu.burst"),
  honoured("linux.resources.cpu.idle"),
  ...each(
    "cpus mems",
    "linux.resources.cpu.NAME",
    honoured,
    "by its VM, unless others use that, too",
    HOLDS_VM,
  ),
  ...each("realtimeRuntime realtimePeriod", "linux.resources.cpu.NAME", warnedOf, "cgroup version 1 only"),
];

export const LINUX_PROPERTIES: readonly Property[] = [
  honoured("linux.namespaces[].type", "new ones of the guest's kernel", {
    values: "pid network mount ipc uts user cgroup",
  }),
  refused("linux.namespaces[].type", "the runtime in the VM cannot make a namespace of that type", {
    values: "time",
    container: "runc 1.1.5 refuses it",
  }),
  honoured("linux.namespaces[].path", "of a container in a VM, or of a network; others are refused", {
    test: "pod",
  }),
  ...each("uidMappings gidMappings", "linux.NAME", honoured),
  refused("linux.timeOffsets", UNKNOWN, { container: IGNORED }),
  honoured("linux.devices", "devices of the guest"),
  refused("linux.netDevices", UNKNOWN, { container: IGNORED }),
  honoured("linux.cgroupsPath", "of the VM, on the host", { test: "cgroups" }),
  honoured("linux.resources.devices", "devices of the guest"),
  ...MEMORY,
  ...CPU,
  honoured("linux.resources.pids.limit"),
  ...each(
    "weight weightDevice throttleReadBpsDevice throttleWriteBpsDevice throttleReadIOPSDevice throttleWriteIOPSDevice",
    "linux.resources.blockIO.NAME",
    honoured,
    "by its VM, unless others use that, too",
    HOLDS_VM,
  ),
  warnedOf("linux.resources.blockIO.leafWeight", "kernels since 5.0 have none"),
  leftOut("linux.resources.hugepageLimits", "a guest has no huge pages"),
  ...each(
    "classID priorities",
    "linux.resources.network.NAME",
    warnedOf,
    "about packets of the host's kernel",
  ),
  leftOut("linux.resources.rdma", "a guest has no RDMA devices"),
  honoured("linux.resources.unified", "of the cgroup in the guest"),
  refused("linux.intelRdt", "it is about a CPU of the host"),
  honoured("linux.sysctl"),
  ...SECCOMP,
  honoured("linux.rootfsPropagation"),
  ...each("maskedPaths readonlyPaths", "linux.NAME", honoured),
  leftOut("linux.mountLabel", "names a policy of the host's kernel"),
  honoured("linux.personality", "", { container: IGNORED }),
  refused("linux.memoryPolicy", UNKNOWN, { container: IGNORED }),
];
