#!/usr/bin/env node
// A QEMU without a machine: QMP on descriptor 3, console on 4, the agent's socket from its arguments.
// NK_FAKE_QEMU says how it behaves; see MODES.
import { writeFileSync } from "node:fs";
import { createServer, Socket } from "node:net";

const mode = process.env.NK_FAKE_QEMU ?? "ready";
const MODES = [
  "ready", // starts, answers, quits when asked
  "exit-before-bind", // complains and exits with 1 before its greeting
  "never-bind", // runs, but never greets
  "die-later", // exits with 3 once it has said that it runs
  "ignore-quit", // takes no notice of quit and SIGTERM
  "ignore-quit-only", // … of quit
  "panic", // the guest's kernel panics once QEMU has said that it runs
  "panic-device", // likewise, told by the pvpanic device
  "poweroff", // the guest switches itself off
  "internal-error", // the accelerator fails once QEMU has said that it runs
  "paused", // the guest's CPUs do not run
  "too-old", // greets as QEMU 4.2
  "rubbish", // greets with something that is no JSON
  "endless-line", // greets with a line that never ends
];
if (!MODES.includes(mode)) throw new Error(`unknown mode ${mode}`);

if (process.argv[2] === "--version") {
  console.log(`QEMU emulator version ${mode === "too-old" ? "4.2.0" : "7.2.0"} (fake)`);
  process.exit(0);
}
if (process.env.NK_FAKE_QEMU_ARGV)
  writeFileSync(process.env.NK_FAKE_QEMU_ARGV, JSON.stringify(process.argv.slice(2)));
if (mode.startsWith("ignore-quit"))
  process.on("SIGTERM", () => mode === "ignore-quit-only" && process.exit(0));
if (mode === "exit-before-bind") {
  console.error("fake-qemu: could not allocate memory");
  process.exit(1);
}

const qmp = new Socket({ fd: 3 });
const guestConsole = new Socket({ fd: 4 });
const send = (message) => qmp.write(`${JSON.stringify(message)}\n`);
const event = (name, data) => send({ event: name, data, timestamp: { seconds: 0, microseconds: 0 } });
let status = mode === "paused" ? "prelaunch" : "running";

/** What happens after QEMU has said that the guest runs. */
const LATER = {
  "die-later": () => {
    console.error("fake-qemu: something broke");
    process.exit(3);
  },
  panic: () =>
    guestConsole.write("[ 0.1] Kernel panic - not syncing: No working init found.\n", () =>
      shutDown("guest-reset"),
    ),
  "panic-device": () => {
    event("GUEST_PANICKED", { action: "poweroff" });
    shutDown("guest-panic");
  },
  poweroff: () => shutDown("guest-shutdown"),
  "internal-error": () => {
    status = "internal-error";
    event("STOP", {});
  },
};

function shutDown(reason) {
  event("SHUTDOWN", { guest: reason.startsWith("guest"), reason });
  qmp.end(() => process.exit(0));
}

function answer({ execute, id }) {
  if (execute === "quit" && mode.startsWith("ignore-quit")) return;
  if (execute === "query-status") {
    send({ return: { status, running: status === "running" }, id });
    if (status === "running") LATER[mode]?.();
  } else if (execute === "qmp_capabilities" || execute === "quit") {
    send({ return: {}, id });
    if (execute === "quit") shutDown("host-qmp-quit");
  } else {
    send({ error: { class: "CommandNotFound", desc: `The command ${execute} has not been found` }, id });
  }
}

let rest = "";
qmp.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  for (const line of lines) answer(JSON.parse(line));
});
qmp.on("end", () => process.exit(0));

const agentPath = process.argv.map((arg) => /^socket,id=agent,path=([^,]*)/.exec(arg)?.[1]).find(Boolean);
if (agentPath) createServer((socket) => socket.pipe(socket)).listen(agentPath, greet);
else greet();

function greet() {
  const qemu = mode === "too-old" ? { major: 4, minor: 2, micro: 0 } : { major: 7, minor: 2, micro: 0 };
  if (mode === "rubbish") qmp.write("hello\n");
  else if (mode === "endless-line") qmp.write("x".repeat(2 * 1024 * 1024));
  else if (mode !== "never-bind") send({ QMP: { version: { qemu, package: "fake" }, capabilities: [] } });
}
