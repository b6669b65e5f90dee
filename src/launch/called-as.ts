import type { SourcedSettings } from "../oci/settings.ts";

/** What the name by which we were called says (bin/nk-runtime): more than a settings file, less than the bundle. */
export function settingsOfName(): SourcedSettings[] {
  return process.env["NK_DEFAULT_MODE"] === "vm"
    ? [{ source: "the name nk-runtime-vm", settings: { mode: "vm" } }]
    : [];
}
