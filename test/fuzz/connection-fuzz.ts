// Feeds the host's end of the agent's connection with mutated conversations: connection-fuzz.mjs SECONDS SEED CORPUS.
// An input that makes the host behave in a way not seen before is kept and mutated further. Ends with 1 on a finding.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mutate, Random } from "./mutate.ts";
import { converse } from "./converse.ts";
import { SEEDS } from "./seeds.ts";

const [seconds = "10", seed = "1", corpus = "build/fuzz/corpus/connection"] = process.argv.slice(2);
/** The heap may grow by this much over a run: corpus and caches. */
const MAX_GROWTH_BYTES = 256 * 1024 * 1024;
/** One conversation is a few milliseconds; a regular expression or a loop gone wild is far beyond. */
const MAX_CONVERSATION_MS = 5_000;

mkdirSync(corpus, { recursive: true });
const inputs = [...SEEDS, ...readdirSync(corpus).map((name) => readFileSync(join(corpus, name)))];
const random = new Random(Number(seed));
const seen = new Set<string>();
const heapAtStart = process.memoryUsage().heapUsed;
const end = performance.now() + Number(seconds) * 1000;
let executions = 0;

async function execute(input: Buffer): Promise<void> {
  const startMs = performance.now();
  executions += 1;
  try {
    const behaviour = await converse(input, random);
    if (!seen.has(behaviour)) keep(input, behaviour);
    const tookMs = performance.now() - startMs;
    if (tookMs > MAX_CONVERSATION_MS) throw new Error(`it took ${tookMs} ms`);
    if (process.memoryUsage().heapUsed - heapAtStart > MAX_GROWTH_BYTES) globalThis.gc?.();
    const grown = process.memoryUsage().heapUsed - heapAtStart;
    if (grown > MAX_GROWTH_BYTES) throw new Error(`the heap grew by ${grown} bytes`);
  } catch (error) {
    const path = `build/fuzz/connection-crash-${createHash("sha256").update(input).digest("hex").slice(0, 16)}`;
    writeFileSync(path, input);
    console.error(`finding, kept as ${path}:`, error);
    process.exit(1);
  }
}

function keep(input: Buffer, behaviour: string): void {
  seen.add(behaviour);
  inputs.push(input);
  writeFileSync(join(corpus, createHash("sha256").update(input).digest("hex").slice(0, 16)), input);
}

process.on("unhandledRejection", (error) => {
  console.error("unhandled rejection:", error);
  process.exit(1);
});

const kept = inputs.splice(0);
for (const input of kept) await execute(input);

while (performance.now() < end) await execute(mutate(inputs, random));
console.log(
  `Done ${executions} runs in ${seconds} second(s), ${seen.size} behaviours, ${inputs.length} inputs`,
);
process.exit(0);
