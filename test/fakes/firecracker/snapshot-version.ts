import { readFileSync } from "node:fs";
import { MainError } from "./exit.ts";
import { osError, osErrorDebug } from "./os-error.ts";
import type { Traits } from "./version.ts";

/** The format of a snapshot file of this stand-in. @throws MainError */
export function describeSnapshot(path: string, traits: Traits): string {
  const title = "When printing Snapshot Data format:";
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new MainError(
      `${title} Unable to open snapshot state file: ${osError(error)}`,
      `PrintSnapshotDataFormat(OpenSnapshot(${osErrorDebug(error)}))`,
    );
  }
  const version = /^\{"version":"([\d.]+)"/.exec(text)?.[1];
  if (version === undefined)
    throw new MainError(
      `${title} Invalid data format version of snapshot file: ${traits.badSnapshot}`,
      'PrintSnapshotDataFormat(SnapshotVersion(Bitcode(Error("bitcode error"))))',
    );
  return `v${version}`;
}
