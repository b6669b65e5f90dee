import type { CommandSpec } from "./command.ts";
import { GLOBAL_OPTIONS, HELP } from "./options.ts";
import type { OptionSpec } from "./options.ts";

/** The help text of one command. */
export function commandHelp(spec: CommandSpec): string {
  const operands = spec.usage === "" ? "" : ` ${spec.usage}`;
  return [
    `nk-runtime ${spec.name}: ${spec.summary}`,
    "",
    "Usage:",
    `  nk-runtime [global options] ${spec.name} [options]${operands}`,
    "",
    spec.description,
    "",
    "Options:",
    ...optionLines([...spec.options, HELP]),
    "",
    spec.examples.length === 1 ? "Example:" : "Examples:",
    ...spec.examples.map((line) => `  ${line}`),
    "",
  ].join("\n");
}

/** The help text of the whole program. @param summaries of the commands, in order. */
export function globalHelp(summaries: readonly (readonly [string, string])[]): string {
  const width = Math.max(...summaries.map(([name]) => name.length)) + 2;
  return [
    "nk-runtime: runs OCI containers on the host's kernel or in their own lightweight virtual machine",
    "",
    "Usage:",
    "  nk-runtime [global options] COMMAND [options] [arguments]",
    "",
    "Commands:",
    ...summaries.map(([name, summary]) => `  ${name.padEnd(width)}${summary}`),
    "",
    "Global options:",
    ...optionLines(GLOBAL_OPTIONS),
    "",
    'Each command explains itself with "nk-runtime COMMAND --help".',
    "",
    "Example:",
    "  nk-runtime run --mode=vm --bundle=/path/to/bundle mycontainer",
    "",
  ].join("\n");
}

/** One option per line, descriptions in one column; the long ones start on the next line. */
function optionLines(options: readonly OptionSpec[]): string[] {
  const column = 30;
  return options
    .filter(({ hidden }) => !hidden)
    .map((option) => {
      const head = `  ${optionHead(option)}`;
      if (head.length > column - 2) return `${head}\n${" ".repeat(column)}${option.help}`;
      return `${head.padEnd(column)}${option.help}`;
    });
}

function optionHead({ name, short, type, value }: OptionSpec): string {
  const long = type === "switch" ? `--${name}` : `--${name} ${value ?? "VALUE"}`;
  return short === undefined ? `    ${long}` : `-${short}, ${long}`;
}
