// show-parts.mjs REPORT: the time of each file of tests, and how many tests passed on each VMM, from vitest's report in JSON.
import { readFileSync } from "node:fs";
import { basename } from "node:path";

const { testResults } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const perVmm = new Map();
for (const { name, startTime, endTime, assertionResults } of testResults) {
  const run = assertionResults.filter(({ status }) => status === "passed" || status === "failed");
  if (run.length === 0) continue;
  const seconds = Math.round((endTime - startTime) / 1000);
  print(`${basename(name, ".test.ts").padEnd(8)} ${run.length} tests, ${seconds} s`);
  for (const { status, ancestorTitles } of run) {
    const vmm = ancestorTitles[0].replace(/,.*/, "");
    const counts = perVmm.get(vmm) ?? { passed: 0, failed: 0 };
    counts[status] += 1;
    perVmm.set(vmm, counts);
  }
}
for (const [vmm, { passed, failed }] of perVmm) print(`${vmm}: ${passed} passed, ${failed} failed`);

function print(line) {
  process.stdout.write(`    ${line}\n`);
}
