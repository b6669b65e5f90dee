import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { plannedDaemon } from "../../src/host/planned-daemon.ts";
import { foreignDeath, processStartTime } from "../../src/host/process-info.ts";
import type { PlannedDaemon, ShadowPlan } from "../../src/host/shadow-plan.ts";
import { exitIn } from "../../src/host/started-daemon.ts";
import { buildNative, Rig } from "./shadow-rig.ts";

const MONITOR = fileURLToPath(new URL("../fakes/monitor-of-daemons.mjs", import.meta.url));

let rig: Rig;
beforeAll(buildNative);
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.close());

/** A shell in a root of its own. */
function shell(name: string, script: string, channels = 0, more = {}): PlannedDaemon {
  const argv = ["/bin/busybox", "sh", "-c", script] as const;
  return plannedDaemon({ name, argv, channels, confinement: { libraries: [], ...more } });
}

function monitorOf(daemons: PlannedDaemon[], ...flags: string[]): Partial<ShadowPlan> {
  const argv = [process.execPath, MONITOR, ...flags];
  return { wait: false, monitor: { argv, log: join(rig.dir, "monitor.log"), daemons } };
}

interface Taken {
  name: string;
  pid: number;
  output: string;
  status: string;
}

test("the monitor has what they write, their channels and their ends", async () => {
  const echo = shell("echo", "echo out; echo err >&2; echo ping >&3; read line <&3; echo $line; exit 7", 1);
  const launched = rig.create(monitorOf([echo]));
  await launched.pid();
  const [first] = JSON.parse(await launched.line()) as Taken[];
  expect(first).toMatchObject({ name: "echo", output: "out\nerr\nping\n" });
  expect(exitIn(first?.status ?? "")).toEqual({ code: 7, signal: null });
});

test("each finds the sockets of the one before, and is in the holder's tree if it asks", async () => {
  const path = join(rig.dir, "between.sock");
  const listens = shell("listens", "busybox ls /tree; sleep 100 <&3", 0, {
    shadowPid: "holder",
    sockets: [{ kind: "listen", fd: 3, path }],
  });
  const connects = shell("connects", "exit 0", 0, { sockets: [{ kind: "connect", fd: 3, path }] });
  const launched = rig.create(monitorOf([listens, connects], "--report-pids"));
  await launched.pid();
  const [listener = 0] = JSON.parse(await launched.line()) as number[];
  process.kill(listener, "SIGTERM");
  const [first, second] = JSON.parse(await launched.line()) as Taken[];
  expect(first?.output).toBe("proof\nrootfs\n");
  expect(exitIn(first?.status ?? "")).toEqual({ code: null, signal: "SIGKILL" });
  expect(exitIn(second?.status ?? "")).toEqual({ code: 0, signal: null });
});

test("one that cannot listen tells its end, although another waits for it", async () => {
  const sockets = [{ kind: "listen", fd: 3, path: join(rig.dir, "missing/a.sock") } as const];
  const launched = rig.create(
    monitorOf([shell("listens", "exit 0", 0, { sockets }), shell("waits", "exit 0")]),
  );
  await launched.pid();
  const [first] = JSON.parse(await launched.line()) as Taken[];
  expect(first?.output).toMatch(/cannot listen on .*missing/);
  expect(exitIn(first?.status ?? "")).toEqual({ code: 1, signal: null });
});

test("they die with the monitor", async () => {
  const launched = rig.create(monitorOf([shell("stays", "sleep 1000")], "--report-pids"));
  const holder = await launched.pid();
  const [pid = 0] = JSON.parse(await launched.line()) as number[];
  const startTime = processStartTime(pid) ?? 0;
  process.kill(holder, "SIGKILL");
  process.kill(Number(parentOf(pid)), "SIGKILL");
  expect(await foreignDeath(pid, startTime, 5000)).toBe(true);
});

function parentOf(pid: number): string {
  return /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";
}
