// make-code-cache.cjs BUNDLE ARG…: runs the bundle as src/start.cjs does and writes what V8 compiled to BUNDLE.cache.
"use strict";
const { readFileSync, writeFileSync } = require("node:fs");
const { Script } = require("node:vm");

const [filename] = process.argv.splice(2, 1);
const script = new Script(readFileSync(filename, "latin1"), { filename });
process.on("exit", () => {
  writeFileSync(`${filename}.cache`, script.createCachedData());
  process.exitCode = 0;
});
script.runInThisContext()(require);
