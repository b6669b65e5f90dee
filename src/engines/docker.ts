import { NkError } from "../base/errors.ts";
import { isObject, parseJsonObject } from "../base/json.ts";
import type { Engine } from "./engine.ts";

const FILE = "/etc/docker/daemon.json";

export const docker: Engine = {
  program: "dockerd",
  file: FILE,

  configure({ container, vm }, current) {
    const settings = current === undefined || current.trim() === "" ? {} : parseJsonObject(current, FILE);
    const { runtimes = {} } = settings;
    if (!isObject(runtimes)) throw new NkError("BAD_CONFIG", `${FILE}: runtimes: expected an object`);
    const ours = Object.fromEntries([container, vm].map(({ name, path }) => [name, { path }]));
    return `${JSON.stringify({ ...settings, runtimes: { ...runtimes, ...ours } }, null, 2)}\n`;
  },

  usage: ({ container, vm }) => [
    "systemctl reload docker (a SIGHUP to dockerd): it then knows the runtimes",
    `docker run --runtime ${vm.name} …: a VM for each container`,
    `docker run --runtime ${container.name} …: containers on the host's kernel`,
  ],

  check: `trap 'docker rmi "$3" >/dev/null 2>&1' EXIT
tar -C "$2" -c . | docker import - "$3" >/dev/null
docker run --rm --runtime "$1" --network none "$3" echo "$3"`,
};
