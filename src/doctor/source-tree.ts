import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** How to run a command of the source tree: from it when this is the source tree, else with what to do afterwards. */
export function inSourceTree(command: string): string {
  const root = join(dirname(process.argv[1] ?? "."), "..");
  if (existsSync(join(root, "scripts/build-kernel.sh"))) return `cd ${root} && ${command}`;
  return `in the source tree: ${command} && scripts/install.sh`;
}
