import { openRootOf } from "../launch/open-root.ts";
import type { Bundle } from "../oci/bundle.ts";
import { ok, warn } from "../host/finding.ts";
import type { Check } from "./check.ts";

/** What is looked at of the bundle of `doctor --bundle`. */
export function bundleChecks(bundle: Bundle): readonly Check[] {
  return [
    {
      group: "bundle",
      name: "root file system",
      modes: [],
      run: async ({ settings, settled }) => {
        const vm = settings.mode === "vm" ? await settled().catch(() => undefined) : undefined;
        const open = openRootOf(bundle, settings, vm?.shape);
        return open === undefined
          ? ok("nobody else can run what the container writes")
          : warn(open.found, open.mend);
      },
    },
  ];
}
