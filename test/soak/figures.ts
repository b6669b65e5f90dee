import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../../build/soak", import.meta.url));

/** Keeps what a soak test measured, in build/soak/NAME.json, also when the test then fails. */
export function writeFigures(name: string, figures: unknown): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${FOLDER}/${name}.json`, `${JSON.stringify(figures, null, 2)}\n`);
}
