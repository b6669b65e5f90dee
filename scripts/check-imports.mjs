// Checks that imports between the folders of src/ go one way. Run by `npm run check:imports`.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const src = fileURLToPath(new URL("../src", import.meta.url));

/** What each folder may import, besides itself. */
const ALLOWED = {
  ".": ["cli", "monitor", "base"],
  cli: [
    "doctor",
    "machine",
    "container",
    "monitor",
    "vm",
    "agent",
    "share",
    "image",
    "container-image",
    "oci",
    "state",
    "trace",
    "host",
    "base",
  ],
  container: ["monitor", "vm", "agent", "share", "image", "oci", "state", "trace", "host", "base"],
  doctor: ["container", "monitor", "vm", "agent", "share", "image", "oci", "state", "trace", "host", "base"],
  machine: ["monitor", "vm", "share", "image", "oci", "state", "trace", "host", "base"],
  monitor: ["vm", "agent", "share", "image", "oci", "state", "trace", "host", "base"],
  vm: ["share", "image", "state", "trace", "host", "base"],
  agent: ["state", "trace", "host", "base"],
  share: ["state", "trace", "host", "base"],
  image: ["state", "trace", "host", "base"],
  "container-image": ["oci", "trace", "host", "base"],
  state: ["oci", "host", "base"],
  host: ["trace", "base"],
  oci: ["base"],
  trace: ["base"],
  base: [],
};

let problems = 0;
for (const name of readdirSync(src, { recursive: true }).filter((file) => file.endsWith(".ts"))) {
  const folder = name.includes(sep) ? name.split(sep)[0] : ".";
  const text = readFileSync(join(src, name), "utf8");
  for (const [, target] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
    const path = relative(src, join(src, dirname(name), target));
    const other = path.includes(sep) ? path.split(sep)[0] : ".";
    if (other === folder) continue;
    if (other === ".." || !(ALLOWED[folder] ?? []).includes(other)) {
      console.error(
        `src/${name}: must not import ${path} (${folder} may import: ${ALLOWED[folder]?.join(", ")})`,
      );
      problems += 1;
    }
  }
}
process.exit(problems === 0 ? 0 : 1);
