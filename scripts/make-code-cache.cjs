// In build/ as nk-compile.cjs ARG…: what src/start.cjs does with these arguments, and then keeps what V8 has compiled on the way beside the bundle, with what
// was there before. A monitor that it starts is started in the same way.
"use strict";
const { readFileSync, renameSync, writeFileSync } = require("node:fs");
const { Script } = require("node:vm");

const DIGEST_BYTES = 64; // as src/start.cjs

const filename = `${__dirname}/nk-${process.argv[2] === "monitor" ? "monitor" : "cli"}.cjs`;
const isLong = ["run", "create", "exec"].some((word) => process.argv.includes(word));
const cache = `${filename}${isLong ? ".long" : ""}.cache`;
const source = readFileSync(filename, "latin1");
const digest = Buffer.from(source.slice(-DIGEST_BYTES), "latin1");

function before() {
  try {
    const kept = readFileSync(cache);
    return kept.subarray(0, DIGEST_BYTES).equals(digest) ? kept.subarray(DIGEST_BYTES) : undefined;
  } catch {
    return undefined;
  }
}

const script = new Script(source, { filename, cachedData: before() });
process.on("exit", () => {
  writeFileSync(`${cache}.${process.pid}`, Buffer.concat([digest, script.createCachedData()]));
  renameSync(`${cache}.${process.pid}`, cache);
});
script.runInThisContext()(require);
