import { EXIT, MainError } from "./exit.ts";

interface Argument {
  takesValue?: true;
  default?: string;
  requires?: string;
  forbids?: string;
  help: string;
}

/** In the order in which they are shown. */
const ARGUMENTS: Record<string, Argument> = {
  "api-sock": {
    takesValue: true,
    default: "/run/firecracker.socket",
    help: "Path to unix domain socket used by the API.",
  },
  "boot-timer": {
    help: "Whether or not to load boot timer device for logging elapsed time since InstanceStart command.",
  },
  "config-file": {
    takesValue: true,
    help: "Path to a file that contains the microVM configuration in JSON format.",
  },
  "describe-snapshot": {
    takesValue: true,
    help: "Print the data format version of the provided snapshot state file.",
  },
  "enable-pci": { help: "Enables PCIe support." },
  "http-api-max-payload-size": {
    takesValue: true,
    default: "51200",
    help: "Http API request payload max size, in bytes.",
  },
  id: { takesValue: true, default: "anonymous-instance", help: "MicroVM unique identifier." },
  level: { takesValue: true, help: "Set the logger level." },
  "log-path": {
    takesValue: true,
    help: "Path to a fifo or a file used for configuring the logger on startup.",
  },
  metadata: {
    takesValue: true,
    help: "Path to a file that contains metadata in JSON format to add to the mmds.",
  },
  "metrics-path": {
    takesValue: true,
    help: "Path to a fifo or a file used for configuring the metrics on startup.",
  },
  "mmds-size-limit": { takesValue: true, help: "Mmds data store limit, in bytes." },
  module: { takesValue: true, help: "Set the logger module filter." },
  "no-api": {
    requires: "config-file",
    help: "Optional parameter which allows starting and using a microVM without an active API socket.",
  },
  "no-seccomp": {
    forbids: "seccomp-filter",
    help: "Optional parameter which allows starting and using a microVM without seccomp filtering. Not recommended.",
  },
  "parent-cpu-time-us": {
    takesValue: true,
    help: "Parent process CPU time (wall clock, microseconds). This parameter is optional.",
  },
  "seccomp-filter": {
    takesValue: true,
    forbids: "no-seccomp",
    help: "Optional parameter which allows specifying the path to a custom seccomp filter. For advanced users.",
  },
  "show-level": { help: "Whether or not to output the level in the logs." },
  "show-log-origin": {
    help: "Whether or not to include the file path and line number of the log's origin.",
  },
  "snapshot-version": { help: "Print the supported data format version." },
  "start-time-cpu-us": {
    takesValue: true,
    help: "Process start CPU time (wall clock, microseconds). This parameter is optional.",
  },
  "start-time-us": {
    takesValue: true,
    help: "Process start time (wall clock, microseconds). This parameter is optional.",
  },
  version: { help: "Print the binary version number." },
};

/** What was given, and the defaults; flags are "". */
export type Values = ReadonlyMap<string, string>;

/** @throws MainError */
export function parseArguments(argv: readonly string[]): Values {
  const end = argv.indexOf("--");
  const words = end < 0 ? argv : argv.slice(0, end);
  for (const sole of ["help", "version"]) if (words.includes(`--${sole}`)) return new Map([[sole, ""]]);
  const given = givenValues(words);
  checkTogether(given);
  for (const [name, { default: value }] of Object.entries(ARGUMENTS))
    if (value !== undefined && !given.has(name)) given.set(name, value);
  return given;
}

function givenValues(words: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    const name = word.startsWith("--") ? word.slice(2) : word;
    const argument = word.startsWith("--") && Object.hasOwn(ARGUMENTS, name) ? ARGUMENTS[name] : undefined;
    if (argument === undefined)
      throw refused(
        `Found argument '${name}' which wasn't expected, or isn't valid in this context.`,
        "UnexpectedArgument",
        name,
      );
    if (given.has(name))
      throw refused(`The argument '${name}' was provided more than once.`, "DuplicateArgument", name);
    if (argument.takesValue !== true) {
      given.set(name, "");
      continue;
    }
    at += 1;
    const value = words[at];
    if (value === undefined || value.startsWith("--"))
      throw refused(`The argument '${name}' requires a value, but none was supplied.`, "MissingValue", name);
    given.set(name, value);
  }
  return given;
}

function checkTogether(given: ReadonlyMap<string, string>): void {
  for (const name of given.keys()) {
    const { requires, forbids } = ARGUMENTS[name] ?? {};
    if (requires !== undefined && !given.has(requires))
      throw refused(`Argument '${requires}' required, but not found.`, "MissingArgument", requires);
    if (forbids !== undefined && given.has(forbids))
      throw new MainError(
        parsing(`Argument '${name}' cannot be used together with argument '${forbids}'.`),
        `ParseArguments(ForbiddenArgument("${name}", "${forbids}"))`,
        EXIT.argumentParsing,
      );
  }
}

/** The two \n are in the text as they stand here. */
function parsing(message: string): string {
  return `Arguments parsing error: ${message} \\n\\nFor more information try --help.`;
}

function refused(message: string, kind: string, name: string): MainError {
  return new MainError(
    parsing(message),
    `ParseArguments(${kind}(${JSON.stringify(name)}))`,
    EXIT.argumentParsing,
  );
}

export function helpText(): string {
  const shown: [string, string][] = Object.entries({
    ...ARGUMENTS,
    help: { help: "Show the help message." } satisfies Argument,
  })
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, argument]: [string, Argument]) => [
      argument.takesValue === true ? `--${name} <${name}>` : `--${name}`,
      argument.default === undefined ? argument.help : `${argument.help} [default: "${argument.default}"]`,
    ]);
  const width = Math.max(...shown.map(([name]) => name.length));
  return ["optional arguments:", ...shown.map(([name, help]) => `  ${name.padEnd(width)}   ${help}`)].join(
    "\n",
  );
}
