// What node starts: loads one of the two bundles with the code that V8 compiled when they were built. Parsing and compiling them at
// every start took 8 ms (docs/performance.md). A cache of another node is refused by V8, and all works without it.
"use strict";
const { readFileSync } = require("node:fs");
const { Script } = require("node:vm");

const filename = `${__dirname}/nk-${process.argv[2] === "monitor" ? "monitor" : "cli"}.cjs`;

function codeCache() {
  try {
    return readFileSync(`${filename}.cache`);
  } catch {
    return undefined;
  }
}

// The bundles are pure ASCII, which node reads quicker as latin1. Each is one function expression.
new Script(readFileSync(filename, "latin1"), { filename, cachedData: codeCache() }).runInThisContext()(
  require,
);
