import { CGROUP_MANAGERS } from "../host/cgroup-manager.ts";

/** One option of a command, as data: the parser, the help text and the reference are made from it. */
export interface OptionSpec {
  name: string;
  short?: string;
  /** `switch` takes no value (but Go's `--flag=true|false`); `number` a whole number ≥ 0. */
  type: "switch" | "text" | "number";
  /** May be given more than once. */
  many?: boolean;
  /** The only values allowed. */
  choices?: readonly string[];
  /** Placeholder of the value in the help text. */
  value?: string;
  help: string;
  /** Taken for callers' sake and left out of the help text. */
  hidden?: boolean;
}

/** What was given for the options of one command. */
export class Flags {
  private readonly values: ReadonlyMap<string, readonly (string | boolean)[]>;

  constructor(values: ReadonlyMap<string, readonly (string | boolean)[]>) {
    this.values = values;
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  /** The last one given counts. */
  text(name: string): string | undefined {
    const value = this.values.get(name)?.at(-1);
    return value === undefined ? undefined : String(value);
  }

  texts(name: string): string[] {
    return (this.values.get(name) ?? []).map(String);
  }

  switch(name: string): boolean {
    return this.values.get(name)?.at(-1) === true;
  }

  number(name: string): number | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : Number(value);
  }

  /** Both together; what `other` has counts more. */
  with(other: Flags): Flags {
    return new Flags(new Map([...this.values, ...other.values]));
  }
}

export const HELP: OptionSpec = { name: "help", short: "h", type: "switch", help: "show this help" };

/** Options that create, run and exec share. */
export const PID_FILE: OptionSpec = {
  name: "pid-file",
  type: "text",
  value: "FILE",
  help: "write the process id to FILE",
};
export const CONSOLE_SOCKET: OptionSpec = {
  name: "console-socket",
  type: "text",
  value: "SOCKET",
  help: "Unix socket that takes the terminal's master end",
};
/** For hands that know docker. */
export const INTERACTIVE: OptionSpec = {
  name: "interactive",
  short: "i",
  type: "switch",
  help: "taken as in docker: standard input is passed on in any case",
};
export const NO_SUBREAPER: OptionSpec = {
  name: "no-subreaper",
  type: "switch",
  hidden: true,
  help: "taken and ignored",
};

/** `--format` of commands that list or show; the first choice is the default. */
export function formatOption(...choices: [string, ...string[]]): OptionSpec {
  const help = `${choices.join(" or ")} (default: ${choices[0]})`;
  return { name: "format", short: "f", type: "text", value: "FORMAT", choices, help };
}

/** Options before the command. Those without `hidden` and `--version` may also follow it. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  {
    name: "root",
    type: "text",
    value: "DIR",
    help: "folder of the containers' state (default: /run/nano-sandbox; of a user: $XDG_RUNTIME_DIR/nano-sandbox)",
  },
  { name: "log", type: "text", value: "FILE", help: "also write errors (with --debug: everything) to FILE" },
  {
    name: "log-format",
    type: "text",
    value: "FORMAT",
    choices: ["text", "json"],
    help: "format of the log: text or json (default: text)",
  },
  { name: "debug", type: "switch", help: "log every step" },
  {
    name: "educational",
    type: "switch",
    help: "explain every step on standard error: what is done, why, and how long it took",
  },
  {
    name: "systemd-cgroup",
    type: "switch",
    help: "have systemd make the container's cgroup, a scope: cgroupsPath is slice:prefix:name",
  },
  { name: "version", short: "v", type: "switch", help: "print the version" },
  HELP,
  { name: "criu", type: "text", hidden: true, help: "taken and ignored" },
  { name: "rootless", type: "text", hidden: true, help: "taken and ignored" },
  {
    name: "cgroup-manager",
    type: "text",
    choices: CGROUP_MANAGERS,
    hidden: true,
    help: "crun's: systemd, cgroupfs or disabled",
  },
];

/** The global options that are also taken after the command. */
export const LATE_GLOBAL_OPTIONS = GLOBAL_OPTIONS.filter(({ name }) =>
  ["root", "log", "log-format", "debug", "educational", "help"].includes(name),
);
