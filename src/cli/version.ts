import { OCI_VERSION } from "../oci/features.ts";

declare const NK_VERSION: string | undefined;

/** Of package.json; put in when the bundle is built. */
export const VERSION = typeof NK_VERSION === "string" ? NK_VERSION : "0.0.0-source";

/** runc's form with our own name: docs/decisions/0005 says what callers make of it. */
export function versionText(): string {
  return `nk-runtime version ${VERSION}\nspec: ${OCI_VERSION}\nnode: ${process.version}\n`;
}
