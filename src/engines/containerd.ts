import { NkError } from "../base/errors.ts";
import { withPart, type Engine } from "./engine.ts";

const FILE = "/etc/containerd/config.toml";

/** Where the CRI plugin has its runtimes, by the version of the file (containerd, docs/PLUGINS.md): the third is of containerd 2. */
const CRI: Record<string, string> = { "2": "io.containerd.grpc.v1.cri", "3": "io.containerd.cri.v1.runtime" };

export const containerd: Engine = {
  program: "containerd",
  file: FILE,

  configure({ container, vm }, current = "", programVersion) {
    const fresh = `version = ${Number(programVersion.split(".")[0]) >= 2 ? 3 : 2}\n`;
    const text = current.trim() === "" ? fresh : current.replace(/\n?$/, "\n");
    const version = /^\s*version\s*=\s*(\d+)/m.exec(text)?.[1] ?? "1";
    const plugin = CRI[version];
    if (plugin === undefined)
      throw new NkError(
        "BAD_CONFIG",
        `${FILE}: expected version 2 or 3, found ${version}: "containerd config migrate" prints it as version 2`,
      );
    const runtime = ({ name, path }: { name: string; path: string }): string => {
      const table = `plugins.${JSON.stringify(plugin)}.containerd.runtimes.${name}`;
      return `[${table}]\nruntime_type = "io.containerd.runc.v2"\n[${table}.options]\nBinaryName = ${JSON.stringify(path)}\n`;
    };
    return withPart(text, runtime(container) + runtime(vm));
  },

  usage: ({ vm }) => [
    "systemctl restart containerd: it reads its configuration when it starts; containers go on",
    `ctr run --runc-binary ${vm.path} …: needs no configuration`,
    `Kubernetes: a RuntimeClass with the handler ${vm.name} (examples/kubernetes/)`,
  ],

  check: 'ctr run --rm --runc-binary "$4" --rootfs "$2" "$3" /bin/echo "$3"',
};
