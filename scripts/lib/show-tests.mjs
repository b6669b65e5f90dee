// show-tests.mjs REPORT PREFIX OUT: writes the name of each test of vitest's report in JSON to OUT, a line each, and prints
// "PASSED FAILED SKIPPED".
import { readFileSync, writeFileSync } from "node:fs";

const [report, prefix, out] = process.argv.slice(2);
const WORDS = { passed: "ok", failed: "FAILED", pending: "skipped", skipped: "skipped" };
const { testResults, numPassedTests, numFailedTests, numPendingTests } = JSON.parse(
  readFileSync(report, "utf8"),
);
const lines = testResults.flatMap(({ assertionResults }) =>
  assertionResults.map(
    ({ status, ancestorTitles, title }) =>
      `    ${(WORDS[status] ?? status).padEnd(8)} ${[prefix, ...ancestorTitles, title].join(": ")}\n`,
  ),
);
writeFileSync(out, lines.join(""));
console.log(numPassedTests, numFailedTests, numPendingTests);
