import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runFolder } from "./folders.ts";
import { keepFile, markOf } from "./kept-file.ts";
import { runProgram } from "./run-program.ts";

const CACHE_DIR = join(runFolder(), ".answers");

/** What a program prints for these words, which is asked once until it is replaced. "" for one that cannot be run. */
export async function keptAnswer(program: string, args: readonly string[]): Promise<string> {
  const kept = join(CACHE_DIR, encodeURIComponent([program, ...args].join(" ")));
  const mark = markOf(program);
  const known = readKept(kept, mark);
  if (known !== undefined) return known;
  const { code, output } = await runProgram(program, args);
  if (code === 0) keepFile(kept, `${mark}\n${output}`);
  return code === undefined ? "" : output;
}

function readKept(path: string, mark: string): string | undefined {
  try {
    const [first, ...lines] = readFileSync(path, "utf8").split("\n");
    return first === mark ? lines.join("\n") : undefined;
  } catch {
    return undefined;
  }
}
