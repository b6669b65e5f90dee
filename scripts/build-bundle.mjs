// Bundles the command line and the monitor into one CommonJS file each, the quickest form for node to start
// (docs/decisions/0001), and keeps what V8 makes of them beside (src/start.cjs loads both).
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));

const { outputFiles } = await build({
  write: false,
  entryPoints: { "nk-cli": `${root}src/main.ts`, "nk-monitor": `${root}src/main-monitor.ts` },
  outdir: `${root}build`,
  outExtension: { ".js": ".cjs" },
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  // import() of a module that is compiled by hand needs node's loader for ES modules, which is slow to load.
  supported: { "dynamic-import": false },
  banner: { js: "(function (require) {" },
  footer: { js: "})" },
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  define: { NK_VERSION: JSON.stringify(version) },
  logLevel: "warning",
});
// By its last bytes start.cjs knows its cache.
mkdirSync(`${root}build`, { recursive: true });
for (const { path, text } of outputFiles)
  writeFileSync(path, `${text}//${createHash("sha256").update(text).digest("hex")}`);
copyFileSync(`${root}src/start.cjs`, `${root}build/nk-runtime.cjs`);
// The same, and then keeps what V8 has compiled on the way, with what was kept before. A monitor that it starts is started in the same way.
const KEEP_COMPILED = `
process.on("exit", () => {
  const { renameSync, writeFileSync } = require("node:fs");
  const digest = Buffer.from(source.slice(-DIGEST_BYTES), "latin1");
  writeFileSync(\`\${cachePath}.\${process.pid}\`, Buffer.concat([digest, script.createCachedData()]));
  renameSync(\`\${cachePath}.\${process.pid}\`, cachePath);
});
`;
writeFileSync(`${root}build/nk-compile.cjs`, readFileSync(`${root}src/start.cjs`, "utf8") + KEEP_COMPILED);

// The tests' stand-in for Firecracker: one executable, as the real one is. The package file makes it CommonJS without an ending.
const fakes = `${root}build/fakes`;
await build({
  entryPoints: [`${root}test/fakes/firecracker/main.ts`],
  outfile: `${fakes}/firecracker`,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  banner: { js: "#!/usr/bin/env node" },
  logLevel: "warning",
});
chmodSync(`${fakes}/firecracker`, 0o755);
copyFileSync(`${root}test/fakes/jailer`, `${fakes}/jailer`);
writeFileSync(`${fakes}/package.json`, '{ "type": "commonjs" }\n');

// A short run of each: what it compiles on the way is in the cache. The monitor finds no job and ends. Bundles that are what they were keep
// their caches, which may have grown (scripts/lib/setup.sh).
const bundles = ["nk-cli", "nk-monitor"].map((name) => `${root}build/${name}.cjs`);
const stamp = `${root}build/stamps/bundles`;
const now = bundles.reduce(
  (hash, bundle) => hash.update(readFileSync(bundle)),
  createHash("sha256").update(process.version),
);
const digest = now.digest("hex");
const isKept = existsSync(stamp) && readFileSync(stamp, "utf8") === digest;
if (!isKept || !bundles.every((bundle) => existsSync(`${bundle}.cache`))) {
  // With them goes what setup knows of how they have grown.
  for (const bundle of bundles)
    for (const end of ["cache", "long.cache"]) rmSync(`${bundle}.${end}`, { force: true });
  rmSync(`${root}build/stamps/code-cache`, { force: true });
  for (const args of [
    ["--root", "/nonexistent", "list"],
    ["monitor", "/nonexistent"],
  ]) {
    try {
      execFileSync(process.execPath, [`${root}build/nk-compile.cjs`, ...args], { stdio: "ignore", env: {} });
    } catch {
      // That they fail is to be expected.
    }
  }
  mkdirSync(`${root}build/stamps`, { recursive: true });
  writeFileSync(stamp, digest);
}
