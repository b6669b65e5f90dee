import { isatty } from "node:tty";
import { writeStderr, type Logger } from "../base/logger.ts";
import { printableLine } from "../base/printable.ts";

/** Says what takes long to people who wait: at a terminal, or where they asked for every step. Otherwise it is a debug line. */
export function showNotice(text: string, narrate: boolean, logger: Logger): void {
  const atTerminal = isatty(2);
  if (!narrate && !atTerminal) return logger.debug(text);
  // The launcher may have made the terminal raw.
  writeStderr(`nk-runtime: ${printableLine(text)}${atTerminal ? "\r" : ""}\n`);
}
