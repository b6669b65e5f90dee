/**
 * What people type who come from docker and podman, and what it is here. What can mean one thing is taken (`ls`, `rm`, `stop`, `logs`,
 * `-i`, `--rm`); all else is answered with the command that does it.
 */

/** Other names of commands. */
export const ALIASES: ReadonlyMap<string, string> = new Map([
  ["ls", "list"],
  ["rm", "delete"],
]);

const IMAGES = "an image is a file here, docs/images.md: nk-runtime run --image=FILE ID";

/** Commands that there are not. */
const COMMANDS: Readonly<Record<string, string>> = {
  inspect: "nk-runtime state ID",
  attach: "nk-runtime logs -f ID shows its output, nk-runtime exec -t ID gives a shell in it",
  top: "nk-runtime ps ID",
  stats: "nk-runtime vm-stats ID, for a container in a VM",
  restart: "nk-runtime stop ID && nk-runtime delete ID, and then run it again",
  unpause: "nk-runtime resume ID",
  images: IMAGES,
  pull: "an image is a file here: skopeo copy docker://IMAGE oci-archive:FILE makes one (docs/images.md)",
  build: "podman build, buildah or docker make images; nk-runtime runs them (docs/images.md)",
  load: IMAGES,
  cp: "the container's files are in its bundle's rootfs, unless they are on a disk: nk-runtime state ID names it",
  version: "nk-runtime --version",
  info: "nk-runtime doctor",
  prune: "nk-runtime gc",
};

/**
 * Commands of runc that are refused by all their words, `--help` included: by the exit status of `checkpoint --help` podman decides whether a runtime can do it
 * (pkg/checkpoint/crutils).
 */
const REFUSED: Readonly<Record<string, string>> = {
  checkpoint:
    "containers cannot be checkpointed, in neither mode: nk-runtime pause ID stops one until nk-runtime resume ID",
  restore: "containers cannot be restored, as they cannot be checkpointed: nk-runtime run makes a new one",
};

const MOUNT = '{"destination":"/data","type":"bind","source":"/srv/data","options":["rbind"]}';
const inConfig = (member: string): string => `that is ${member} in the bundle's config.json`;

/** Options of `run` and `create` that there are not. */
const RUN: Readonly<Record<string, string>> = {
  v: `a bind mount is an entry of mounts in the bundle's config.json: ${MOUNT}`,
  e: `${inConfig("process.env")}; for one command in it: nk-runtime exec -e NAME=VALUE ID COMMAND`,
  p: "--vm-publish HOST:CONTAINER, for a container in a VM",
  w: inConfig("process.cwd"),
  u: inConfig("process.user"),
  m: "--vm-memory=MIB sizes the VM; the container's limit is linux.resources.memory in config.json",
  h: inConfig("hostname"),
  vm: "a VM of the container's own is --mode=vm",
  name: "the name is the last word: nk-runtime run [options] NAME",
  entrypoint: inConfig("process.args"),
  cpus: "--vm-vcpus=N, for a VM; the container's limit is linux.resources.cpu in config.json",
  network:
    "--vm-net=none|tap|netns|user, for a container in a VM (docs/networking.md); else a namespace with a path in linux.namespaces of config.json",
  privileged: inConfig("process.capabilities"),
  "cap-add": inConfig("process.capabilities"),
  "cap-drop": inConfig("process.capabilities"),
  "read-only": inConfig("root.readonly"),
  runtime: "nk-runtime is the runtime; the one below it is --host-runtime or --vm-runtime",
};

/** Options of commands that there are not, by the short name where docker has both. */
const OPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  run: RUN,
  create: RUN,
  exec: { w: "--cwd=DIR", privileged: "--cap=CAP adds a capability (repeatable)" },
  list: { a: "it lists those that have stopped, too: nk-runtime list" },
  ps: { a: "nk-runtime list shows all containers" },
  kill: { s: "nk-runtime kill ID SIGNAL" },
  logs: { n: "nk-runtime logs ID | tail -n N", tail: "nk-runtime logs ID | tail -n N" },
};

const LONG_NAMES: Readonly<Record<string, string>> = {
  volume: "v",
  mount: "v",
  env: "e",
  publish: "p",
  workdir: "w",
  user: "u",
  memory: "m",
  hostname: "h",
  net: "network",
  all: "a",
  signal: "s",
};

/** Too few words after commands. */
const MISSING: Readonly<Record<string, string>> = { ps: "nk-runtime list shows all containers" };

/** Too many. */
const SURPLUS: Readonly<Record<string, string>> = {
  run: "without --image the command is process.args in the bundle's config.json; one more in it: nk-runtime exec ID COMMAND",
  create: "its command is process.args in the bundle's config.json",
  delete: "one at a time",
};

/** What does here what this command does elsewhere. */
export function commandHabit(name: string): string | undefined {
  return lookUp(COMMANDS, name);
}

/** The same of an option. @param rawName with its dashes */
export function optionHabit(command: string, rawName: string): string | undefined {
  const name = rawName.replace(/^--?/, "");
  return lookUp(lookUp(OPTIONS, command) ?? {}, lookUp(LONG_NAMES, name) ?? name);
}

/** The same of what follows the options. @param isMissing there is too little of it, not too much */
export function operandHabit(command: string, isMissing: boolean): string | undefined {
  return lookUp(isMissing ? MISSING : SURPLUS, command);
}

/** Why a command of runc is refused; undefined: it is not. */
export function refusalOf(name: string): string | undefined {
  return lookUp(REFUSED, name);
}

/** Names come from the command line: "constructor" is none. */
function lookUp<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
