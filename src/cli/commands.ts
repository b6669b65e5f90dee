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
  list: { summary: "list containers", load: async () => (await import("./commands/list.ts")).list },
  ps: {
    summary: "list the processes of a container",
    load: async () => (await import("./commands/ps.ts")).ps,
  },
  pause: {
    summary: "freeze all processes of a container",
    load: async () => (await import("./commands/pause.ts")).pause,
  },
  resume: {
    summary: "let a paused container go on",
    load: async () => (await import("./commands/resume.ts")).resume,
  },
  kill: {
    summary: "send a signal to a container",
    load: async () => (await import("./commands/kill.ts")).kill,
  },
  delete: {
    summary: "remove a container",
    load: async () => (await import("./commands/delete.ts")).deleteCommand,
  },
  gc: {
    summary: "remove what killed processes have left",
    load: async () => (await import("./commands/gc.ts")).gc,
  },
  spec: {
    summary: "write a config.json to start from",
    load: async () => (await import("./commands/spec.ts")).spec,
  },
  features: {
    summary: "print what this runtime can do",
    load: async () => (await import("./commands/features.ts")).features,
  },
  "vm-kernel": {
    summary: "list the guest kernels, or add one",
    load: async () => (await import("./commands/vm-kernel.ts")).vmKernel,
  },
  doctor: {
    summary: "check this host, and say what to mend",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
};
