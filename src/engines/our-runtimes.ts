import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { NkError } from "../base/errors.ts";
import type { Runtimes } from "./engine.ts";

/** From the folder of the bundle: installed below a prefix (lib/nano-sandbox), or in a source tree (build). */
const BIN = ["../../bin", "../bin"];

/** The paths of this installation. @param bundleDir the folder of the program that node runs @throws HOST */
export function ourRuntimes(bundleDir: string): Runtimes {
  const found = BIN.map((bin) => resolve(bundleDir, bin)).find((bin) =>
    existsSync(join(bin, "nk-runtime-vm")),
  );
  if (found === undefined)
    throw new NkError(
      "HOST",
      `expected nk-runtime and nk-runtime-vm in ${BIN.map((bin) => resolve(bundleDir, bin)).join(" or ")}, found neither: run ./scripts/install.sh`,
    );
  const runtime = (name: string) => ({ name, path: join(found, name) });
  return { container: runtime("nk-runtime"), vm: runtime("nk-runtime-vm") };
}

/** The root file system of the example bundle, of this installation. */
export function exampleRoot(bundleDir: string): string {
  const places = ["../../share/nano-sandbox/hello/rootfs", "example-bundle/rootfs"].map((place) =>
    resolve(bundleDir, place),
  );
  // The bundle may be for root alone.
  const found = places.find((place) => existsSync(dirname(place)));
  if (found !== undefined) return found;
  throw new NkError(
    "HOST",
    `expected an example bundle in ${places.join(" or ")}, found none: run ./scripts/install.sh`,
  );
}
