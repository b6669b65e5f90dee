import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { NkError } from "../base/errors.ts";

/** Where scripts/install.sh puts programs of ours that are not commands. */
const INSTALLED = "/usr/local/lib/nano-sandbox/bin";

/**
 * The native helper: beside the bundle, else where it is installed. NK_SHADOW names another one, for tests.
 * @throws HOST when it is not built.
 */
export function shadowPath(): string {
  const override = process.env["NK_SHADOW"];
  const candidates = override ? [override] : places();
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new NkError(
    "HOST",
    `the helper nk-shadow is missing: looked for ${candidates.join(" and ")}: "make -C native" builds it`,
  );
}

function places(): string[] {
  return [join(dirname(process.argv[1] ?? "."), "bin", "nk-shadow"), join(INSTALLED, "nk-shadow")];
}
