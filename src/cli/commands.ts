import type { Command } from "./command.ts";

interface Entry {
  summary: string;
  /** Loads the command's file: a command pays for itself only. */
  load(): Promise<Command>;
}

/** All commands, in the order of a container's life. The summaries are here because listing them must not load them. */
export const COMMANDS: Record<string, Entry> = {
  create: {
    summary: "create a container from a bundle",
    load: async () => (await import("./commands/create.ts")).create,
  },
  start: {
    summary: "start the process of a created container",
    load: async () => (await import("./commands/start.ts")).start,
  },
  run: {
    summary: "create and start a container, and wait for it",
    load: async () => (await import("./commands/run.ts")).run,
  },
  exec: {
    summary: "run another command in a container",
    load: async () => (await import("./commands/exec.ts")).exec,
  },
  state: {
    summary: "print the state of a container",
    load: async () => (await import("./commands/state.ts")).state,
  },
  logs: {
    summary: "print what a container has written",
    load: async () => (await import("./commands/logs.ts")).logs,
  },
  list: { summary: "list containers", load: async () => (await import("./commands/list.ts")).list },
  ps: {
    summary: "list the processes of a container",
    load: async () => (await import("./commands/ps.ts")).ps,
  },
  events: {
    summary: "print what a container uses, again and again",
    load: async () => (await import("./commands/events.ts")).events,
  },
  pause: {
    summary: "freeze all processes of a container",
    load: async () => (await import("./commands/pause.ts")).pause,
  },
  resume: {
    summary: "let a paused container go on",
    load: async () => (await import("./commands/resume.ts")).resume,
  },
  update: {
    summary: "change a container's limits",
    load: async () => (await import("./commands/update.ts")).update,
  },
  kill: {
    summary: "send a signal to a container",
    load: async () => (await import("./commands/kill.ts")).kill,
  },
  stop: {
    summary: "end a container's process and wait for it",
    load: async () => (await import("./commands/stop.ts")).stop,
  },
  delete: {
    summary: "remove a container",
    load: async () => (await import("./commands/delete.ts")).deleteCommand,
  },
  gc: {
    summary: "remove what killed processes have left",
    load: async () => (await import("./commands/gc.ts")).gc,
  },
  bundle: {
    summary: "unpack an image of a container into a bundle",
    load: async () => (await import("./commands/bundle.ts")).bundle,
  },
  spec: {
    summary: "write a config.json to start from",
    load: async () => (await import("./commands/spec.ts")).spec,
  },
  features: {
    summary: "print what this runtime can do",
    load: async () => (await import("./commands/features.ts")).features,
  },
  "install-engine": {
    summary: "make this runtime known to podman, containerd, docker or buildah",
    load: async () => (await import("./commands/install-engine.ts")).installEngine,
  },
  "vm-kernel": {
    summary: "list the guest kernels, or add one",
    load: async () => (await import("./commands/vm-kernel.ts")).vmKernel,
  },
  doctor: {
    summary: "check this host, and say what to mend",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  "vm-pool": {
    summary: "keep virtual machines that have booted and wait",
    load: async () => (await import("./commands/vm-pool.ts")).vmPool,
  },
  "vm-create": {
    summary: "make a virtual machine that takes containers",
    load: async () => (await import("./commands/vm-create.ts")).vmCreate,
  },
  "vm-start": {
    summary: "boot a virtual machine",
    load: async () => (await import("./commands/vm-start.ts")).vmStart,
  },
  "vm-state": {
    summary: "print the state of a virtual machine",
    load: async () => (await import("./commands/vm-state.ts")).vmState,
  },
  "vm-list": {
    summary: "list virtual machines",
    load: async () => (await import("./commands/vm-list.ts")).vmList,
  },
  "vm-stop": {
    summary: "end a virtual machine and all that runs in it",
    load: async () => (await import("./commands/vm-stop.ts")).vmStop,
  },
  "vm-delete": {
    summary: "remove a virtual machine",
    load: async () => (await import("./commands/vm-delete.ts")).vmDelete,
  },
  "vm-pause": {
    summary: "stop the CPUs of a virtual machine",
    load: async () => (await import("./commands/vm-pause.ts")).vmPause,
  },
  "vm-resume": {
    summary: "let a paused virtual machine go on",
    load: async () => (await import("./commands/vm-resume.ts")).vmResume,
  },
  "vm-stats": {
    summary: "print what a virtual machine costs",
    load: async () => (await import("./commands/vm-stats.ts")).vmStats,
  },
  "vm-console": {
    summary: "show the console of a virtual machine, or attach to it",
    load: async () => (await import("./commands/vm-console.ts")).vmConsole,
  },
  "vm-net": {
    summary: "show the network of a virtual machine",
    load: async () => (await import("./commands/vm-net.ts")).vmNet,
  },
  "vm-capture": {
    summary: "capture the packets of a virtual machine",
    load: async () => (await import("./commands/vm-capture.ts")).vmCapture,
  },
  "vm-agent": {
    summary: "send requests to the agent of a virtual machine",
    load: async () => (await import("./commands/vm-agent.ts")).vmAgent,
  },
};
