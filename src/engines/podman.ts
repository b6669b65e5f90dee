import { homedir } from "node:os";
import { join } from "node:path";
import type { Engine, Runtimes } from "./engine.ts";

/**
 * podman's own lists, which one in a file replaces (containers-common, pkg/config/default.go): runtimes whose errors it reads as JSON, that have a VM, and that
 * run a container without a cgroup (the key is `runtime_supports_nocgroup` there, whatever containers.conf(5) says).
 */
const SUPPORTS_JSON = ["crun", "runc", "kata", "runsc", "youki", "krun"];
const SUPPORTS_KVM = ["kata", "runsc", "krun"];
const SUPPORTS_NO_CGROUPS = ["crun", "krun"];

const FILE = "containers/containers.conf.d/50-nano-sandbox.conf";

/**
 * By default a user's podman connects from within the container's network namespace to ports that it publishes, which a VM needs helpers and nft for, and which
 * hides who asks. With this they come as frames, by slirp4netns.
 */
const PORTS_OF_USER = 'network_cmd_options = ["port_handler=slirp4netns"]\n';

export const podman: Engine = {
  program: "podman",
  file: join("/etc", FILE),

  configure: (runtimes) => configuration(runtimes, ""),

  ofUser: {
    get file() {
      return join(process.env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), FILE);
    },
    configure: (runtimes) => configuration(runtimes, PORTS_OF_USER),
  },

  usage: ({ container, vm }) => [
    `podman --runtime ${vm.name} run …: a VM for each container or pod`,
    `podman --runtime ${container.name} run …: containers on the host's kernel`,
  ],

  check: 'podman --runtime "$1" run --rm --network=none --rootfs "$2" echo "$3"',
};

function configuration({ container, vm }: Runtimes, more: string): string {
  const list = (...names: string[]): string => names.map((name) => JSON.stringify(name)).join(", ");
  return `# nk-runtime install-engine podman
[engine]
${more}runtime_supports_json = [${list(...SUPPORTS_JSON, container.name, vm.name)}]
runtime_supports_kvm = [${list(...SUPPORTS_KVM, vm.name)}]
runtime_supports_nocgroup = [${list(...SUPPORTS_NO_CGROUPS, vm.name)}]

[engine.runtimes]
${container.name} = [${list(container.path)}]
${vm.name} = [${list(vm.path)}]
`;
}
