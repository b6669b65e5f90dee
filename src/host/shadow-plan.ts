import { NkError } from "../base/errors.ts";

/** `none`: the caller's streams as they are; `inherit`: the caller's terminal; a path: --console-socket. */
export type ShadowTerminal = "none" | "inherit" | { socket: string };

/** What the shadow has as standard streams: ours, nothing, or these descriptors of ours. */
export type StandardStreams = "inherit" | "ignore" | readonly [number, number, number];

/** What `nk-shadow create` is asked for (native/README.md). All paths are absolute: the monitor runs in /. */
export interface ShadowPlan {
  rootfs: string;
  /** By which the guest knows the shared tree (`newProof`). */
  proof: string;
  readonly: boolean;
  /** In the order of config.json. */
  mounts: PlannedMount[];
  /** Of the container's process: made where it is missing and can be made, as a read-only root leaves that to nobody else. */
  cwd?: string;
  hostname?: string;
  /** The command line of the container's process, as which the shadow shows itself. */
  title?: readonly string[];
  /** "host", "new" or the path of a network namespace. */
  netns: string;
  /** cgroup.procs files that shadow and monitor join; the launcher stays out. */
  cgroups: string[];
  /** The state folder of the container or VM, by which its processes are known. */
  stateDir: string;
  terminal: ShadowTerminal;
  /** `ignore`: a shadow without a process of its own, which must not hold what its caller reads. Default: `inherit`. */
  stdio?: StandardStreams;
  /** Taken for callers that pass descriptors; they are closed. */
  preserveFds: number;
  /** Foreground: the launcher stays and ends with the shadow's status. `inherit` needs it. */
  wait: boolean;
  /** Who looks after the container: a monitor of its own, or that of a VM which runs. */
  monitor: OwnMonitor | RunningMonitor;
}

/** What becomes of a mount of config.json on the host. `flags` are MS_ numbers (mount-flags.ts); with MS_REC they hold for the whole tree. */
export type PlannedMount =
  /** Shared with the guest by its number among binds and volumes, and in its place for whoever enters the shadow. */
  | { kind: "bind"; source: string; destination: string; flags: number }
  /** Shared only. */
  | { kind: "volume"; source: string; flags: number }
  /** The same of a folder below `source`, which is reached without symbolic links whatever it has become meanwhile. */
  | { kind: "inner"; source: string; name: string; flags: number }
  /** The guest's: an empty place, in which mount points of later ones are made. */
  | { kind: "cover"; destination: string };

/** A monitor that is started with the shadow. */
export interface OwnMonitor {
  argv: string[];
  log: string;
  /** Started before it, each when the sockets of the one before are there; they are its children (started-daemon.ts). */
  daemons?: readonly PlannedDaemon[];
}

/** A daemon in a root of its own, as the launcher starts it. */
export interface PlannedDaemon {
  name: string;
  argv: readonly string[];
  /** As `DaemonCommand.channels`. */
  channels: number;
}

/** The monitor of a VM which runs: the shadow asks it for the container. */
export interface RunningMonitor {
  /** Its control socket. */
  control: string;
  /** Path of the request. */
  endpoint: string;
  /** JSON, the body of the request. */
  request: string;
  /** The VM's shadow, whose tree gets the container's. */
  attachTo: number;
  /** The folder of that tree. */
  folder: string;
}

/** What `nk-shadow exec` is asked for. */
export interface ExecShadowPlan {
  /** Pid of the container's shadow. Check its start time first. */
  join: number;
  /** The monitor's control socket. */
  control: string;
  /** Path of the request. */
  endpoint: string;
  /** JSON, the body of the request. */
  request: string;
  /** As in ShadowPlan. */
  title?: readonly string[];
  cgroups: string[];
  /** As in ShadowPlan. */
  stateDir: string;
  terminal: ShadowTerminal;
  wait: boolean;
}

export function encodeCreatePlan(plan: ShadowPlan): Buffer {
  return encode([
    ["rootfs", plan.rootfs],
    ["proof", plan.proof],
    ...flag("readonly", plan.readonly),
    ...plan.mounts.map(mountOrder),
    ...(plan.cwd === undefined ? [] : [["cwd", plan.cwd]]),
    ...(plan.hostname === undefined || plan.hostname === "" ? [] : [["hostname", plan.hostname]]),
    ["netns", plan.netns],
    ...titleOrder(plan.title ?? []),
    ...common(plan),
    ["preserve-fds", String(plan.preserveFds)],
    ...monitorOrders(plan.monitor),
  ]);
}

function mountOrder(mount: PlannedMount): string[] {
  if (!("source" in mount)) return [mount.kind, mount.destination];
  const place = mount.kind === "bind" ? [mount.destination] : mount.kind === "inner" ? [mount.name] : [];
  return [mount.kind, mount.source, ...place, String(mount.flags)];
}

function monitorOrders(monitor: OwnMonitor | RunningMonitor): string[][] {
  if ("argv" in monitor) {
    return [
      ["monitor", String(monitor.argv.length), ...monitor.argv],
      ["monitor-log", monitor.log],
      ...(monitor.daemons ?? []).map(({ name, channels, argv }) => [
        "daemon",
        name,
        String(channels),
        String(argv.length),
        ...argv,
      ]),
    ];
  }
  return [...requestOrders(monitor), ["attach", String(monitor.attachTo), monitor.folder]];
}

function requestOrders({
  control,
  endpoint,
  request,
}: Omit<RunningMonitor, "attachTo" | "folder">): string[][] {
  return [
    ["control", control],
    ["endpoint", endpoint],
    ["request", request],
  ];
}

export function encodeExecPlan(plan: ExecShadowPlan): Buffer {
  return encode([
    ["join", String(plan.join)],
    ...requestOrders(plan),
    ...titleOrder(plan.title ?? []),
    ...common(plan),
  ]);
}

/** Of a very long command line the plan takes the beginning (PLAN_MAX_ITEMS of native/shadow). */
const MAX_TITLE_WORDS = 1000;

function titleOrder(words: readonly string[]): string[][] {
  // What it is in the guest is for the guest to say.
  const shown = words.slice(0, MAX_TITLE_WORDS).map((word) => word.replace(/\0.*/s, ""));
  return shown.length === 0 ? [] : [["title", String(shown.length), ...shown]];
}

function common(plan: Pick<ShadowPlan, "cgroups" | "terminal" | "wait">): string[][] {
  const { terminal } = plan;
  return [
    ...plan.cgroups.map((path) => ["cgroup", path]),
    ["terminal", typeof terminal === "string" ? terminal : terminal.socket],
    ...flag("wait", plan.wait),
  ];
}

function flag(name: string, on: boolean): string[][] {
  return on ? [[name]] : [];
}

/** Words end with NUL; one inside a word would become another order. */
function encode(orders: string[][]): Buffer {
  const words = orders.flat();
  const bad = words.find((word) => word.includes("\0"));
  if (bad !== undefined) throw new NkError("BAD_CONFIG", `${JSON.stringify(bad)} contains a NUL byte`);
  return Buffer.from(words.map((word) => `${word}\0`).join(""));
}
