import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { watchSpans, type Actor } from "../trace/channels.ts";
import { formatSpanLine } from "../trace/span-line.ts";
import { narrateRest } from "./vm-narrate.ts";

let folder: string;
let trace: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nk-"));
  trace = join(folder, "trace.jsonl");
});

afterEach(() => rmSync(folder, { recursive: true }));

function line(actor: Actor, name: string): string {
  return `${formatSpanLine({ actor, name, startNs: 1n, endNs: 2n })}\n`;
}

it("shows the monitor's steps that nobody has heard, and none of the CLI's", () => {
  writeFileSync(
    trace,
    line("cli", "read the bundle") +
      line("vmm", "start the VMM") +
      line("cli", "settle") +
      line("agent", "create") +
      line("vmm", "end the VM") +
      '{"actor":"vmm","na',
  );
  const shown: string[] = [];
  const stop = watchSpans(({ name }) => shown.push(name));
  narrateRest(trace, 1);
  stop();
  expect(shown).toEqual(["create", "end the VM"]);
});

it("does not even read the trace when nobody listens", () => {
  expect(() => narrateRest(join(folder, "missing"), 0)).not.toThrow();
});
