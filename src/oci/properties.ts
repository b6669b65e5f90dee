import { LINUX_PROPERTIES } from "./properties-linux.ts";
import { each, honoured, IGNORED, leftOut, refused, UNKNOWN, type Property } from "./property.ts";

const NOT_OF_LINUX = { test: undefined, container: "not for Linux" };

const OPTIONS = "mounts[].options[]";

const MOUNTS: readonly Property[] = [
  honoured("mounts[].destination", "links in it are followed within the root", { test: "mounts" }),
  honoured("mounts[].source"),
  honoured("mounts[].type", "bind, and what a kernel has by itself; others are refused", { test: "mounts" }),
  honoured(OPTIONS, "", {
    values:
      "bind rbind defaults ro rw nosuid suid nodev dev noexec exec noatime atime nodiratime diratime relatime norelatime strictatime nostrictatime",
  }),
  honoured(OPTIONS, "", { values: "rro rrw rnosuid rsuid rnodev rdev rnoexec rexec rnorelatime rsymfollow" }),
  honoured(OPTIONS, "among the mounts of the guest", {
    values: "private rprivate shared rshared slave rslave unbindable runbindable",
  }),
  honoured(OPTIONS, "of a file system that is mounted by type; a bind keeps its own", {
    values: "sync async dirsync mand nomand lazytime nolazytime",
  }),
  honoured(OPTIONS, "without an effect, as on the host", {
    values: "silent loud acl noacl iversion noiversion symfollow",
  }),
  honoured(OPTIONS, "of what an earlier mount has mounted by type", { values: "remount" }),
  honoured(OPTIONS, "of a tmpfs", { values: "tmpcopyup", test: "mount-options" }),
  refused(OPTIONS, "crun in the VM would mount without it", {
    values: "nosymfollow rnosymfollow",
    onlyIn: "crun",
  }),
  refused(OPTIONS, "crun in the VM refuses it or takes it for another", {
    values: "rrelatime ratime rnoatime rdiratime rnodiratime rstrictatime rnostrictatime",
    onlyIn: "crun",
    container: "runc 1.1.5 refuses `ratime`",
  }),
  refused(OPTIONS, "a share cannot map owners", { values: "idmap ridmap", container: IGNORED }),
  honoured(OPTIONS, "a word of the file system (size=…, mode=…)", { test: "config" }),
  ...each("uid gid", "mounts[].NAMEMappings", refused, "a share cannot map owners", { container: IGNORED }),
];

/** Of what runtime-spec 1.3 has in config.json for Linux and for VMs, all. */
export const PROPERTIES: readonly Property[] = [
  honoured("ociVersion", "1.x; the runtime in the VM is told 1.0.2"),
  honoured("root.path", "no link may be in it", { test: "tree" }),
  honoured("root.readonly"),
  ...each("args cwd env", "process.NAME", honoured),
  honoured("process.terminal", "", { test: "terminal" }),
  honoured("process.consoleSize", "until the caller's terminal says another", { test: undefined }),
  ...each("uid gid umask additionalGids", "process.user.NAME", honoured),
  ...each("bounding permitted effective inheritable ambient", "process.capabilities.NAME", honoured),
  honoured("process.rlimits", "", { test: "config" }),
  ...each("noNewPrivileges oomScoreAdj", "process.NAME", honoured),
  ...each("apparmorProfile selinuxLabel", "process.NAME", leftOut, "names a policy of the host's kernel"),
  ...each("scheduler ioPriority execCPUAffinity", "process.NAME", refused, UNKNOWN, { container: IGNORED }),
  ...each("commandLine user.username", "process.NAME", leftOut, "not for Linux", NOT_OF_LINUX),
  honoured("hostname"),
  honoured("domainname", "", { container: IGNORED }),
  ...MOUNTS,
  ...each(
    "prestart createRuntime createContainer poststart poststop",
    "hooks.NAME",
    honoured,
    "on the host",
    {
      test: "config",
    },
  ),
  honoured("hooks.startContainer", "in the container", { test: "config" }),
  honoured("annotations", "in the state; ours are settings; the runtime in the VM gets none", {
    container: "ours are settings",
  }),
  ...LINUX_PROPERTIES,
  ...each("kernel.path kernel.initrd", "vm.NAME", honoured, "where the host allows it", {
    container: "not looked at",
  }),
  ...each("hwConfig.vcpus hwConfig.memory", "vm.NAME", honoured, "", { container: "not looked at" }),
  ...each(
    "hypervisor image kernel.parameters hwConfig.deviceTree hwConfig.dtdevs hwConfig.iomems hwConfig.irqs",
    "vm.NAME",
    refused,
    "what a VM is made of is the host's to say",
    { container: "not looked at" },
  ),
];
