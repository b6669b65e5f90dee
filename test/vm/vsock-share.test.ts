import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { killProcess } from "../../src/host/process-info.ts";
import { jailedServers } from "./residue.ts";
import { Runtime } from "./runtime.ts";
import { QEMU_SHARES } from "./share-cases.ts";
import { processesOf, within } from "./victims.ts";

/** What is particular to 9p-vsock: its server in a jail, and trees that come to it later. test/vm/share-cases.ts has the rest. */
const FLAG = "--vm-share=9p-vsock";
const END_TIMEOUT_MS = 30_000;
const obstacle = QEMU_SHARES["9p-vsock"]?.obstacle;

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

describe("what it needs", () => {
  it("is named, with how to get it, when there is no server", async () => {
    const result = await runtime.run({ args: ["true"] }, [FLAG], { env: { NK_DIOD: "/no/diod" } });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("needs diod, and none was found: install it (Debian, Ubuntu: apt-get");
  });

  it.skipIf(obstacle === undefined)("is named when the host's kernel has no vsock for guests", async () => {
    const result = await runtime.run({ args: ["true"] }, [FLAG]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(
      "needs /dev/vhost-vsock on QEMU, and it is not there: modprobe vhost_vsock",
    );
  });
});

describe.skipIf(obstacle !== undefined)(`its server (${obstacle ?? "can be tried"})`, () => {
  it("ends with the container, and the container with it", async () => {
    const id = await runtime.background({}, [FLAG]);
    const [server = 0, ...others] = jailedServers(runtime.traces());
    expect(others).toEqual([]);
    killProcess(server);
    await within(END_TIMEOUT_MS, () => processesOf(runtime.root).length === 0 || undefined);
    const { status, exitStatus, error } = JSON.parse(await runtime.ok(["state", id])) as {
      status: string;
      exitStatus: number;
      error?: { message: string };
    };
    expect(status).toBe("stopped");
    // A process whose program cannot be read any more may end first, by SIGBUS.
    expect(error?.message ?? `exit status ${exitStatus}`).toMatch(
      /diod was killed by SIGKILL|exit status 135/,
    );

    const other = await runtime.background({}, [FLAG]);
    expect(jailedServers(runtime.traces())).toHaveLength(1);
    await runtime.ok(["delete", "--force", other]);
    expect(jailedServers(runtime.traces())).toEqual([]);
  });

  it("shows a container's tree in a VM that runs, while it lives", async () => {
    const vm = runtime.id();
    await runtime.ok(["vm-create", FLAG, vm]);
    await runtime.detached(["vm-start", vm]);
    const [server] = jailedServers(runtime.traces());
    const mounts = (): string => readFileSync(`/proc/${server}/mountinfo`, "utf8");
    const before = mounts();
    for (const word of ["one", "two"]) {
      const { dir } = await runtime.bundle({ args: ["sleep", "1000000"] });
      const id = runtime.id();
      await runtime.detached(["run", "-d", "--vm", vm, "--bundle", dir, id]);
      await runtime.ok(["exec", id, "sh", "-c", `echo ${word} >/mark`]);
      expect(readFileSync(join(dir, "rootfs/mark"), "utf8")).toBe(`${word}\n`);
      expect(mounts()).toMatch(/ \/share\/tree\/\S+ rw\S*,nodev\S*,nosymfollow/);
      await runtime.ok(["delete", "--force", id]);
      expect(mounts()).toBe(before);
    }
    await runtime.ok(["vm-delete", "--force", vm]);
  });
});
