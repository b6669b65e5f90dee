import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { StepEvent } from "../../agent/messages.ts";
import { watchSpans } from "../../trace/channels.ts";
import { guestClock } from "../../trace/guest-clock.ts";
import { AgentVoice } from "./agent-voice.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nk-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

it("keeps the end of endless log lines, each on one line", () => {
  const voice = new AgentVoice(folder);
  for (let line = 0; line < 20_000; line += 1) {
    voice.say({ event: "log", level: "info", message: `${line}\n${"x".repeat(200)}` });
  }
  const log = join(folder, "agent.log");
  expect(statSync(log).size + statSync(`${log}.1`).size).toBeLessThanOrEqual(2 * 1024 * 1024);
  expect(readFileSync(log, "utf8").trimEnd().split("\n").at(-1)).toMatch(/^info: 19999\\nx+$/);
});

it("passes on no more steps than an agent can have", () => {
  const voice = new AgentVoice(folder);
  const step: StepEvent = { event: "step", name: "mount", startUs: 1, endUs: 2, detail: "" };
  let shown = 0;
  const stop = watchSpans(() => {
    shown += 1;
  });
  for (let count = 0; count < 100_000; count += 1) voice.step(step, guestClock(0, 0n));
  stop();
  expect(shown).toBeGreaterThanOrEqual(500);
  expect(shown).toBeLessThan(2_000);
});
