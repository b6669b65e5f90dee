/**
 * An engine that calls runtimes, and how ours become known to it. One file of this room each, and a row of engines.ts; nothing above names one.
 *
 * `configure` is a pure function of what its file has now, and twice the same: what is there of others stays as it is.
 */
export interface Engine {
  /** By which it is found in the PATH. */
  program: string;
  /** Of its configuration; undefined: it needs none. */
  file?: string;
  /**
   * @param current the text of `file`, if it is there
   * @param version of the program, "" when it does not say
   * @throws BAD_CONFIG for what cannot be added to
   */
  configure(runtimes: Runtimes, current: string | undefined, version: string): string;
  /** What is left to do, and how a container is run then. A line each. */
  usage(runtimes: Runtimes): string[];
  /** What is another for an ordinary user; undefined: the engine is for root. */
  ofUser?: Pick<Engine, "file" | "configure">;
  /**
   * A script for sh -e that runs one container, which says what `$3` is, by the runtime `$1` (its path is `$4`), of the root file system in the folder `$2`. What it
   * makes besides it removes.
   */
  check: string;
}

/** Name and absolute path of each of our runtimes. */
export interface Runtimes {
  container: { name: string; path: string };
  vm: { name: string; path: string };
}

const BEGIN = "# nano-sandbox begin (nk-runtime install-engine)";
const END = "# nano-sandbox end";

/** The text with our part in it, at its end or where it was. @param current must end with a newline, or be empty */
export function withPart(current: string, part: string): string {
  const ours = `${BEGIN}\n${part}${END}\n`;
  const begin = current.indexOf(`${BEGIN}\n`);
  const end = current.indexOf(`${END}\n`, begin);
  if (begin < 0 || end < 0) return `${current}${current === "" ? "" : "\n"}${ours}`;
  return `${current.slice(0, begin)}${ours}${current.slice(end + END.length + 1)}`;
}
