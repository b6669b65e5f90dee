import type { Engine } from "./engine.ts";

/**
 * podman's own lists, which one in a file replaces (containers-common, pkg/config/default.go): runtimes whose errors it reads as JSON, that have a VM, and that
 * run a container without a cgroup (the key is `runtime_supports_nocgroup` there, whatever containers.conf(5) says).
 */
const SUPPORTS_JSON = ["crun", "runc", "kata", "runsc", "youki", "krun"];
const SUPPORTS_KVM = ["kata", "runsc", "krun"];
const SUPPORTS_NO_CGROUPS = ["crun", "krun"];

export const podman: Engine = {
  program: "podman",
  file: "/etc/containers/containers.conf.d/50-nano-sandbox.conf",

  configure({ container, vm }) {
    const list = (...names: string[]): string => names.map((name) => JSON.stringify(name)).join(", ");
    return `# nk-runtime install-engine podman
[engine]
runtime_supports_json = [${list(...SUPPORTS_JSON, container.name, vm.name)}]
runtime_supports_kvm = [${list(...SUPPORTS_KVM, vm.name)}]
runtime_supports_nocgroup = [${list(...SUPPORTS_NO_CGROUPS, vm.name)}]

[engine.runtimes]
${container.name} = [${list(container.path)}]
${vm.name} = [${list(vm.path)}]
`;
  },

  usage: ({ container, vm }) => [
    `podman --runtime ${vm.name} run …: a VM for each container or pod`,
    `podman --runtime ${container.name} run …: containers on the host's kernel`,
  ],

  check: 'podman --runtime "$1" run --rm --network=none --rootfs "$2" echo "$3"',
};
