// What node starts: loads one of the two bundles with the code that V8 compiled when they were built. Parsing and compiling them at
// every start took 8 ms (docs/performance.md). A cache of another node is refused by V8, and all works without it.
"use strict";
const { readFileSync } = require("node:fs");
const { Script } = require("node:vm");

const DIGEST_BYTES = 64;

const filename = `${__dirname}/nk-${process.argv[2] === "monitor" ? "monitor" : "cli"}.cjs`;
// The bundles are pure ASCII, which node reads quicker as latin1. Each is one function expression, and ends with its digest.
const source = readFileSync(filename, "latin1");

// It begins with the digest of its bundle: for V8 any source of the same length is the one that it has compiled, and it would run the old code.
function codeCache(path) {
  try {
    const cache = readFileSync(path);
    return cache.toString("latin1", 0, DIGEST_BYTES) === source.slice(-DIGEST_BYTES)
      ? cache.subarray(DIGEST_BYTES)
      : undefined;
  } catch {
    return undefined;
  }
}

// What a start of a container calls is twice as much as all else, and to read it costs the other commands 2 ms. An id of that name costs them no more.
const LONG = ["run", "create", "exec"];
const cachePath = `${filename}${process.argv.some((word) => LONG.includes(word)) ? ".long" : ""}.cache`;
const cachedData = codeCache(cachePath) ?? codeCache(`${filename}.cache`);

const script = new Script(source, { filename, cachedData });
script.runInThisContext()(require);
