import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn, spawnSync } from "node:child_process";
import { afterEach, beforeEach, expect, it } from "vitest";
import { isAlive, processStartTime } from "../host/process-info.ts";
import type { ContainerRecord } from "../state/record.ts";
import { StateStore } from "../state/store.ts";
import { refreshVmSettled } from "./refresh.ts";

let root: string;
let store: StateStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "nk-refresh-"));
  store = new StateStore(root);
});
afterEach(() => rmSync(root, { recursive: true }));

/** A running container whose monitor is this process, and whose VM has ended. */
function withoutVm(): ContainerRecord {
  const ended = spawnSync("true").pid;
  const record = {
    version: 1,
    id: "c1",
    mode: "vm",
    status: "running",
    pid: process.pid,
    pidStartTime: processStartTime(process.pid),
    ociVersion: "1.0.2",
    bundle: "/b",
    rootfs: "/b/rootfs",
    created: "now",
    owner: "root",
    annotations: {},
    vm: {
      monitorPid: process.pid,
      monitorStartTime: processStartTime(process.pid),
      vmmPid: ended,
      vmmStartTime: 1,
      cgroups: [],
    },
  } as unknown as ContainerRecord;
  store.claim(store.prepare(), record);
  return record;
}

it("says how a container ended whose monitor has still to write it down", async () => {
  const record = withoutVm();
  const error = { code: "VMM" as const, message: "diod was killed by SIGKILL" };
  setTimeout(() => store.write({ ...record, status: "stopped", pid: 0, error }), 100);
  expect(await refreshVmSettled(store, record)).toMatchObject({ status: "stopped", pid: 0, error });
});

it("says that one has stopped which is deleted meanwhile", async () => {
  const record = withoutVm();
  setTimeout(() => store.remove("c1"), 100);
  expect(await refreshVmSettled(store, record)).toMatchObject({ status: "stopped", pid: 0 });
});

it("says that one runs whose shadow is there, whatever is written down", async () => {
  const record = { ...withoutVm(), status: "stopped" as const, exitStatus: 0 };
  expect(await refreshVmSettled(store, record)).toMatchObject({ status: "running", pid: process.pid });
});

it("waits for the shadow of a monitor that was killed", async () => {
  const record = withoutVm();
  const shadow = spawn("sleep", ["0.2"]);
  const vm = { ...record.vm, monitorPid: record.vm?.vmmPid };
  const pid = shadow.pid ?? 0;
  const lost = { ...record, pid, pidStartTime: processStartTime(pid), vm } as ContainerRecord;
  expect(await refreshVmSettled(store, lost)).toMatchObject({ status: "stopped", pid: 0 });
  expect(isAlive(pid, lost.pidStartTime)).toBe(false);
});
