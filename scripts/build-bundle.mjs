// Bundles src/main.ts into one CommonJS file: the quickest form for node to start (docs/decisions/0001).
import { build } from "esbuild";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));

await build({
  entryPoints: [`${root}src/main.ts`],
  outfile: `${root}build/nk-runtime.cjs`,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  define: { NK_VERSION: JSON.stringify(version) },
  logLevel: "warning",
});
