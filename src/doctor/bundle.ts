import { openRootOf } from "../launch/open-root.ts";
import type { Bundle } from "../oci/bundle.ts";
import { ok, warn, type Check } from "./check.ts";

/** What is looked at of the bundle of `doctor --bundle`. */
export function bundleChecks(bundle: Bundle): readonly Check[] {
  return [
    {
      group: "bundle",
      name: "root file system",
      modes: [],
      run: async ({ settings, share }) => {
        const open = openRootOf(bundle, { ...settings, share: await share() });
        return open === undefined
          ? ok("nobody else can run what the container writes")
          : warn(open.found, open.mend);
      },
    },
  ];
}
