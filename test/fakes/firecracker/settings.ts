// How the stand-in is to behave: from the environment, or from lines KEY=VALUE in the file `<executable>.env`, for callers that
// clear the environment. The environment wins.
import { existsSync, readFileSync } from "node:fs";
import { parseFaults, type Faults } from "./faults.ts";

const GUESTS = ["silent", "agent", "qemu"] as const;
const ACCELS = ["tcg", "kvm"] as const;

export interface Settings {
  version: string;
  guest: (typeof GUESTS)[number];
  /** How QEMU runs a guest. */
  accel: (typeof ACCELS)[number];
  faults: Faults;
}

/** @throws Error on a value that is not known */
export function readSettings(executable: string): Settings {
  const values = { ...fileValues(`${executable}.env`), ...process.env };
  return {
    version: values["NK_FAKE_FC_VERSION"] ?? "1.16.1",
    guest: choice("NK_FAKE_FC_GUEST", GUESTS, values["NK_FAKE_FC_GUEST"] ?? "silent"),
    accel: choice("NK_FAKE_FC_ACCEL", ACCELS, values["NK_FAKE_FC_ACCEL"] ?? "tcg"),
    faults: parseFaults(values["NK_FAKE_FC_FAULT"] ?? ""),
  };
}

function fileValues(path: string): Record<string, string> {
  if (!existsSync(path)) return {};
  const lines = readFileSync(path, "utf8").matchAll(/^(\w+)=(.*)$/gm);
  return Object.fromEntries(Array.from(lines, ([, key = "", value = ""]) => [key, value]));
}

function choice<const C extends string>(name: string, choices: readonly C[], value: string): C {
  const found = choices.find((known) => known === value);
  if (found === undefined) throw new Error(`${name}: ${value} is none of ${choices.join(", ")}`);
  return found;
}
