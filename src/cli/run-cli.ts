import { asNkError, NkError } from "../base/errors.ts";
import { Logger, writeStderr } from "../base/logger.ts";
import { print } from "../base/print.ts";
import { DEFAULT_ROOT } from "../state/paths.ts";
import { StateStore } from "../state/store.ts";
import { notices, warnings } from "../trace/channels.ts";
import { resolve } from "node:path";
import { parseWords, usage, type Parsed } from "./argv.ts";
import { closest } from "../base/closest.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT_UNKNOWN_COMMAND, exitCodeOf } from "./exit-codes.ts";
import { ALIASES, commandHabit, operandHabit, optionHabit, refusalOf } from "./habits.ts";
import { commandHelp, globalHelp } from "./help.ts";
import { GLOBAL_OPTIONS, LATE_GLOBAL_OPTIONS } from "./options.ts";
import type { Flags } from "./options.ts";
import { describeError } from "./describe-error.ts";
import { isRoot, namespaceEnvironment, planNamespace } from "../host/user-namespace.ts";
import { requireRoot, requireStateFolder, withWayToRoot } from "./needs-root.ts";

/** runc has both. */
const HELP_COMMANDS = ["help", "h"];

/** Runs the command line and returns the exit code; errors have been told by then. */
export async function runCli(words: readonly string[]): Promise<number> {
  let logger: Logger | undefined;
  let command = "";
  try {
    const head = await parseHead(words);
    // As early as possible: callers look for their error in this file.
    logger = openLogger(head.flags);
    const [name, ...rest] = head.positionals;
    if (head.flags.switch("version")) return await printVersion();
    if (name === undefined || HELP_COMMANDS.includes(name) || head.flags.switch("help"))
      return await printHelp(rest[0]);
    const program = await loadCommand(name);
    const { spec } = program;
    const tail = parseTail(rest, spec);
    if (tail.flags.switch("help")) return await printed(commandHelp(spec));
    const flags = head.flags.with(tail.flags);
    if (hasLogOption(tail.flags)) logger = openLogger(flags);
    checkCount(spec, tail);
    await installSinks(flags, logger);
    command = spec.name;
    if (!isRoot()) describeNamespace();
    const store = new StateStore(resolve(flags.text("root") ?? DEFAULT_ROOT));
    if (spec.stateless !== true) requireStateFolder(store.root, words);
    return await program.run({
      flags,
      positionals: tail.positionals,
      store,
      logger,
      requireRoot: () => requireRoot(words),
    });
  } catch (error) {
    return report(withWayToRoot(asNkError(error), words), command, logger);
  }
}

/** To nk-shadow, whoever starts it: what it needs of root it does in a user namespace. */
function describeNamespace(): void {
  Object.assign(process.env, namespaceEnvironment(planNamespace()));
}

/** Settings may be there too: docker's runtimeArgs and podman's --runtime-flag come before the command, whichever it is. */
async function parseHead(words: readonly string[]): Promise<Parsed> {
  const grammar = { stopAtFirstPositional: true, where: "" } as const;
  try {
    return parseWords(words, { ...grammar, options: GLOBAL_OPTIONS });
  } catch {
    // Their table takes 2 ms to load.
    const { SETTING_OPTIONS } = await import("./setting-options.ts");
    return parseWords(words, { ...grammar, options: [...GLOBAL_OPTIONS, ...SETTING_OPTIONS] });
  }
}

function parseTail(words: readonly string[], spec: Command["spec"]) {
  const own = spec.options;
  const late = LATE_GLOBAL_OPTIONS.filter(({ name }) => !own.some((option) => option.name === name));
  const { stopAtFirstPositional: stop = false } = spec;
  return parseWords(words, {
    options: [...own, ...late],
    stopAtFirstPositional: typeof stop === "boolean" ? stop : stop(words),
    where: `${spec.name}: `,
    habit: (rawName) => optionHabit(spec.name, rawName),
  });
}

function checkCount(
  { name, min, max, usage: operands }: Command["spec"],
  { flags, positionals }: Parsed,
): void {
  const most = typeof max === "number" ? max : max(flags);
  if (positionals.length >= min && positionals.length <= most) return;
  const found =
    positionals.length === 0 ? "nothing" : positionals.map((word) => JSON.stringify(word)).join(" ");
  const habit = operandHabit(name, positionals.length < min);
  const mend = habit === undefined ? "" : `: ${habit}`;
  throw usage(`${name}: `, `expected ${operands === "" ? "no arguments" : operands}, found ${found}${mend}`);
}

async function loadCommand(name: string): Promise<Command> {
  const known = ALIASES.get(name) ?? name;
  const entry = Object.hasOwn(COMMANDS, known) ? COMMANDS[known] : undefined;
  if (entry) return entry.load();
  const refusal = refusalOf(name);
  if (refusal !== undefined) throw new NkError("UNSUPPORTED", refusal);
  const instead = commandHabit(name);
  const guess = closest(name, Object.keys(COMMANDS));
  const mend = instead ? `: ${instead}` : guess === undefined ? "" : `: did you mean ${guess}?`;
  throw new UnknownCommand("USAGE", `unknown command ${JSON.stringify(name)}${mend} (nk-runtime --help)`);
}

class UnknownCommand extends NkError {}

function openLogger(flags: Flags): Logger {
  const format = flags.text("log-format") === "json" ? "json" : "text";
  return new Logger({ file: flags.text("log"), format, debug: flags.switch("debug") });
}

function hasLogOption(flags: Flags): boolean {
  return flags.has("log") || flags.has("log-format") || flags.has("debug");
}

async function installSinks(flags: Flags, logger: Logger): Promise<void> {
  const narrate = flags.switch("educational");
  warnings.subscribe((text) => logger.warn(String(text)));
  notices.subscribe((text) => {
    // node:tty takes 2 ms to load.
    void import("./notice.ts").then(({ showNotice }) => showNotice(String(text), narrate, logger));
  });
  if (narrate) {
    const { installEducational } = await import("../trace/educational.ts");
    installEducational();
  }
  if (flags.switch("debug")) {
    const { installDebugLog } = await import("../trace/debug-log.ts");
    installDebugLog((line) => logger.debug(line));
  }
}

async function printVersion(): Promise<number> {
  const { versionText } = await import("./version.ts");
  return printed(versionText());
}

async function printHelp(topic: string | undefined): Promise<number> {
  if (topic !== undefined) return printed(commandHelp((await loadCommand(topic)).spec));
  const summaries = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary] as const);
  return printed(globalHelp(summaries));
}

async function printed(text: string): Promise<number> {
  await print(text);
  return 0;
}

function report(error: NkError, command: string, logger: Logger | undefined): number {
  logger?.error(error);
  if (!error.shown) writeStderr(`${describeError(error)}\n`);
  if (error.code === "INTERNAL" && error.cause instanceof Error) logger?.debug(error.cause.stack ?? "");
  if (error instanceof UnknownCommand) return EXIT_UNKNOWN_COMMAND;
  return error.exitStatus ?? exitCodeOf(command);
}
