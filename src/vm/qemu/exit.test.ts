import { expect, test } from "vitest";
import { explainExit, type ShutdownNotes } from "./exit.ts";

const clean = { code: 0, signal: null };
const panicText = "[ 1.0] Kernel panic - not syncing: VFS: Unable to mount root fs\n[ 1.1] CPU: 0\n";

test.each<[string, Partial<ShutdownNotes>, string, string]>([
  ["a guest that switches off", { shutdown: "guest-shutdown" }, "", "poweroff"],
  ["a guest that restarts", { shutdown: "guest-reset" }, "", "poweroff"],
  ["a panic told by the console", { shutdown: "guest-reset" }, panicText, "panic"],
  ["a panic told by the device", { shutdown: "guest-panic", panicked: true }, "", "panic"],
  ["a switched-off guest that had written of a panic", { shutdown: "guest-shutdown" }, panicText, "poweroff"],
  ["an end that was asked for", { stopping: true, shutdown: "host-qmp-quit" }, "", "stopped"],
  [
    "a guest that was quicker than our request",
    { stopping: true, shutdown: "guest-shutdown" },
    "",
    "poweroff",
  ],
  ["an end that nobody asked for", {}, "", "crash"],
  ["a VM that cannot go on", { broken: "its share is gone" }, "", "crash"],
])("%s", (_, notes, console, reason) => {
  expect(explainExit(clean, { stopping: false, ...notes }, console).reason).toBe(reason);
});

test("a panic's message is bounded and the signal of a crash is named", () => {
  const long = `Kernel panic - not syncing: ${"x".repeat(5000)}`;
  expect(explainExit(clean, { stopping: false, shutdown: "guest-reset" }, long).message.length).toBeLessThan(
    260,
  );
  const crash = explainExit({ code: null, signal: "SIGSEGV" }, { stopping: false }, "");
  expect(crash.message).toContain("was killed by SIGSEGV");
});
