import { parseArgs } from "node:util";
import { NkError } from "../base/errors.ts";
import { closest } from "../base/closest.ts";
import { Flags } from "./options.ts";
import type { OptionSpec } from "./options.ts";

/**
 * The grammar of runc's command line: global options, the command, its options. `node:util`'s parser splits the words; what is
 * valid is decided here, because Go's flags differ: `--flag=true|false`, `-long-name`, and a value may start with a dash.
 */
export interface Parsed {
  flags: Flags;
  positionals: string[];
}

export interface ParseOptions {
  options: readonly OptionSpec[];
  /** The first positional ends the options: all that follows is passed on as it is. */
  stopAtFirstPositional: boolean;
  /** For messages: "create: " or "". */
  where: string;
  /** What to type instead of an option that there is not, where it is known. */
  habit?: (rawName: string) => string | undefined;
}

/** @throws USAGE in one line that names the word and what to write instead. */
export function parseWords(words: readonly string[], grammar: ParseOptions): Parsed {
  const { options, stopAtFirstPositional } = grammar;
  const args = doubleDashes(words, options);
  const tokens = split(args, options);
  const end = stopAtFirstPositional ? tokens.find(({ kind }) => kind === "positional") : undefined;
  const given = new Map<string, (string | boolean)[]>();
  const positionals: string[] = end ? words.slice(end.index) : [];
  for (const token of tokens) {
    if (end && token.index >= end.index) break;
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const spec = options.find(({ name }) => name === token.name);
    if (!spec) throw unknownOption(token.rawName, grammar);
    const value = readValue(spec, token, grammar);
    given.set(spec.name, spec.many ? [...(given.get(spec.name) ?? []), value] : [value]);
  }
  return { flags: new Flags(given), positionals };
}

function split(args: string[], options: readonly OptionSpec[]) {
  const config = Object.fromEntries(
    options.map(({ name, short, type }) => [
      name,
      { type: type === "switch" ? ("boolean" as const) : ("string" as const), ...(short && { short }) },
    ]),
  );
  return parseArgs({ args, options: config, strict: false, allowPositionals: true, tokens: true }).tokens;
}

/** Go takes `-long-name` for `--long-name` and `-s=value` for `-s value`; node would read both as groups of short options. */
function doubleDashes(words: readonly string[], options: readonly OptionSpec[]): string[] {
  return words.map((word, index) => {
    const [, name = "", rest = ""] = /^-([A-Za-z][a-z-]*)(=.*)?$/s.exec(word) ?? [];
    if (name === "" || takesValue(words[index - 1], options)) return word;
    const isShort = name.length === 1 && rest !== "";
    const spec = options.find((option) => (isShort ? option.short === name : option.name === name));
    return spec ? `--${spec.name}${rest}` : word;
  });
}

function takesValue(word: string | undefined, options: readonly OptionSpec[]): boolean {
  if (word === undefined || !word.startsWith("-")) return false;
  const name = word.replace(/^--?/, "");
  return options.some((spec) => spec.type !== "switch" && (spec.name === name || spec.short === name));
}

interface OptionToken {
  rawName: string;
  value?: string | undefined;
}

function readValue(
  spec: OptionSpec,
  { rawName, value }: OptionToken,
  grammar: ParseOptions,
): string | boolean {
  const { where } = grammar;
  if (spec.type === "switch") return readSwitch(rawName, value, where);
  if (value === undefined) {
    throw usage(where, `option ${rawName} needs a value: ${rawName} ${spec.value ?? "VALUE"}`);
  }
  // A value may start with a dash, as in runc; an id cannot: its value was forgotten.
  if (spec.value === "ID" && value.startsWith("-")) {
    const instead = grammar.habit?.(rawName) ?? "an ID has no dash first";
    throw usage(grammar.where, `option ${rawName} needs an ID, found ${JSON.stringify(value)}: ${instead}`);
  }
  if (spec.choices && !spec.choices.includes(value)) {
    throw usage(
      where,
      `option ${rawName}: expected ${spec.choices.join(" or ")}, found ${JSON.stringify(value)}`,
    );
  }
  if (spec.type === "number" && !/^\d{1,15}$/.test(value)) {
    throw usage(where, `option ${rawName}: expected a whole number, found ${JSON.stringify(value)}`);
  }
  return value;
}

/** The words of Go's strconv.ParseBool. */
const TRUE = ["1", "t", "T", "true", "TRUE", "True"];
const FALSE = ["0", "f", "F", "false", "FALSE", "False"];

function readSwitch(rawName: string, value: string | undefined, where: string): boolean {
  if (value === undefined || TRUE.includes(value)) return true;
  if (FALSE.includes(value)) return false;
  throw usage(where, `option ${rawName}: expected true or false, found ${JSON.stringify(value)}`);
}

function unknownOption(rawName: string, { options, where, habit }: ParseOptions): NkError {
  const instead = habit?.(rawName);
  if (instead !== undefined) return usage(where, `no option ${rawName}: ${instead}`);
  const names = options.filter(({ hidden }) => !hidden).map(({ name }) => `--${name}`);
  const guess = closest(rawName, names);
  const mend = guess === undefined ? "" : `: did you mean ${guess}?`;
  return usage(where, `unknown option ${rawName}${mend}`);
}

/** A usage error that ends with the way to the help text. */
export function usage(where: string, problem: string): NkError {
  const command = where.replace(/: $/, " ");
  return new NkError("USAGE", `${where}${problem} (nk-runtime ${command}--help)`);
}
