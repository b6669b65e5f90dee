import type { Logger } from "../base/logger.ts";
import type { StateStore } from "../state/store.ts";
import type { Flags, OptionSpec } from "./options.ts";

/** One command: its file in commands/ holds all there is to know about it. */
export interface Command {
  spec: CommandSpec;
  /** @returns the exit code. */
  run(context: CommandContext): Promise<number>;
}

export interface CommandSpec {
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** What follows "nk-runtime NAME [options]". */
  usage: string;
  /** For the help text, in full sentences. */
  description: string;
  options: readonly OptionSpec[];
  /** How many positionals it takes; the usage error says so. */
  min: number;
  max: number | ((flags: Flags) => number);
  /** All that follows the first positional is passed on as it is; where it depends on the words of the command, on them. */
  stopAtFirstPositional?: boolean | ((words: readonly string[]) => boolean);
  /** It looks at no container and no VM: any user may run it. */
  stateless?: boolean;
  examples: readonly string[];
}

export interface CommandContext {
  /** Of the command and the global ones. */
  flags: Flags;
  positionals: readonly string[];
  store: StateStore;
  logger: Logger;
  /** @throws HOST with the command to type instead, unless root runs us. */
  requireRoot: () => void;
}
