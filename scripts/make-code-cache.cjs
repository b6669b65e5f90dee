// In build/ as nk-compile.cjs ARG…: what src/start.cjs does with these arguments, and then keeps what V8 has compiled on the way beside the bundle, with what
// was there before. A monitor that it starts is started in the same way.
"use strict";
const { readFileSync, renameSync, writeFileSync } = require("node:fs");
const { Script } = require("node:vm");

const filename = `${__dirname}/nk-${process.argv[2] === "monitor" ? "monitor" : "cli"}.cjs`;
const cache = `${filename}.cache`;

function before() {
  try {
    return readFileSync(cache);
  } catch {
    return undefined;
  }
}

const script = new Script(readFileSync(filename, "latin1"), { filename, cachedData: before() });
process.on("exit", () => {
  writeFileSync(`${cache}.${process.pid}`, script.createCachedData());
  renameSync(`${cache}.${process.pid}`, cache);
});
script.runInThisContext()(require);
