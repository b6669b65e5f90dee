import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findPod } from "../../src/launch/pod.ts";
import { newRecord } from "../../src/launch/new-record.ts";
import { processStartTime } from "../../src/host/process-info.ts";
import { loadBundle } from "../../src/oci/bundle.ts";
import type { OciConfig } from "../../src/oci/config.ts";
import { DEFAULT_SETTINGS } from "../../src/oci/settings.ts";
import type { ContainerRecord, VmRecord } from "../../src/state/record.ts";
import { StateStore } from "../../src/state/store.ts";
import { makeBundle, type TestBundle } from "../fixtures/make-bundle.ts";

/** Which sandbox a container belongs to by the namespaces that it names. The shadows are processes with namespaces of their own, and nothing else. */

const root = mkdtempSync(join(tmpdir(), "nk-pod-"));
const store = new StateStore(root);
let bundle: TestBundle;
let shadow: ChildProcess;
let stranger: ChildProcess;

beforeAll(async () => {
  bundle = await makeBundle();
  [shadow, stranger] = await Promise.all([apart(), apart()]);
  add("first", { vm: vm() });
});

afterAll(async () => {
  shadow.kill("SIGKILL");
  stranger.kill("SIGKILL");
  await bundle.cleanup();
  rmSync(root, { recursive: true });
});

async function apart(): Promise<ChildProcess> {
  const child = spawn("unshare", ["-niu", "sh", "-c", "echo; exec sleep 1000"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.stdout !== null) await once(child.stdout, "data");
  return child;
}

/** Its monitor is this process. */
function vm(members: Partial<VmRecord> = {}): VmRecord {
  const us = { pid: process.pid, startTime: processStartTime(process.pid) ?? 0 };
  const alive = {
    monitorPid: us.pid,
    monitorStartTime: us.startTime,
    vmmPid: 0,
    vmmStartTime: 0,
    holder: us,
  };
  return { share: "virtiofs", cgroups: [], ...alive, ...members } as unknown as VmRecord;
}

function add(id: string, members: Partial<ContainerRecord>): void {
  const prepared = store.prepare();
  const record = newRecord(id, loadBundle(bundle.dir), { ...DEFAULT_SETTINGS, mode: "vm" }, true);
  const pid = shadow.pid ?? 0;
  store.claim(prepared, {
    ...record,
    status: "running",
    pid,
    pidStartTime: processStartTime(pid) ?? 0,
    ...members,
  });
}

function config(namespaces: { type: string; path?: string }[], annotations = {}): OciConfig {
  return { linux: { namespaces }, annotations } as unknown as OciConfig;
}

const ns = (of: ChildProcess, name: string): string => `/proc/${of.pid ?? 0}/ns/${name}`;

describe("a container belongs to the sandbox", () => {
  it("whose network it names, by whatever path, with what else is in common", () => {
    const found = findPod(
      store,
      config([
        { type: "network", path: `/proc/self/root${ns(shadow, "net")}` },
        { type: "uts", path: ns(shadow, "uts") },
        { type: "ipc" },
      ]),
    );
    expect(found).toMatchObject({ id: "first", stateDir: join(root, "first"), holderPid: process.pid });
    expect(found?.shared).toEqual([
      { type: "network", container: "first" },
      { type: "uts", container: "first" },
    ]);
  });

  it("of the one whose VM another member is in", () => {
    add("a-member", { vm: vm({ sandbox: "first" }) });
    expect(findPod(store, config([{ type: "network", path: ns(shadow, "net") }]))?.id).toBe("first");
    store.remove("a-member");
  });
});

it.each([
  ["names none", [{ type: "network" }, { type: "ipc" }]],
  ["names somebody else's", [{ type: "network", path: "stranger" }]],
  ["names the host's", [{ type: "network", path: "/proc/self/ns/net" }]],
  ["names what is not there", [{ type: "network", path: "/nowhere/ns" }]],
])("a container that %s belongs to none, whatever its annotations say", (_, namespaces) => {
  const real = namespaces.map((one) =>
    "path" in one && one.path === "stranger" ? { ...one, path: ns(stranger, "net") } : one,
  );
  const annotations = {
    "io.kubernetes.cri.sandbox-id": "first",
    "io.kubernetes.cri-o.SandboxID": "first",
    "io.kubernetes.cri.container-type": "container",
  };
  expect(findPod(store, config(real, annotations))).toBeUndefined();
});

it.each([
  ["a new network", [{ type: "network" }]],
  ["the host's network", []],
  ["somebody else's", [{ type: "network", path: "stranger" }]],
])("one that names its ipc namespace and wants %s is refused", (_, network) => {
  const real = network.map((one) => ("path" in one ? { ...one, path: ns(stranger, "net") } : one));
  const wanted = config([...real, { type: "ipc", path: ns(shadow, "ipc") }]);
  expect(() => findPod(store, wanted)).toThrow("a VM has one");
});

it.each<[string, Partial<ContainerRecord>, string]>([
  ["is being created", { status: "creating", vm: vm() }, "creating"],
  ["is paused", { status: "paused", vm: vm() }, "paused"],
  ["has lost its monitor", { vm: vm({ monitorStartTime: 1 }) }, "stopped"],
  ["has its files on a disk", { vm: vm({ share: "block" }) }, "--vm-share=virtiofs"],
])("the sandbox of a container that %s takes no other", (_, members, reason) => {
  store.remove("first");
  add("first", members);
  expect(() => findPod(store, config([{ type: "network", path: ns(shadow, "net") }]))).toThrow(reason);
});
