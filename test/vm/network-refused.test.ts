import { afterAll, beforeAll, expect, it } from "vitest";
import { NetworkRig } from "./network-rig.ts";
import type { Result } from "./runtime.ts";

let rig: NetworkRig;
let before: string;
let dir: string;

beforeAll(async () => {
  rig = await NetworkRig.make();
  before = await rig.hostState();
  ({ dir } = await rig.runtime.bundle({ args: ["sleep", "1000000"] }));
});

afterAll(() => rig[Symbol.asyncDispose]());

function expectRefused({ code, stderr }: Result, reason: RegExp): void {
  expect(stderr.trim().split("\n")[0]).toMatch(reason);
  expect(stderr).not.toContain("    at ");
  expect(code).toBe(1);
}

const create = (...flags: string[]): Promise<Result> =>
  rig.runtime.call(["run", "--mode=vm", ...flags, "--bundle", dir, rig.runtime.id()]);

it.each<[what: string, flags: string[], reason: RegExp]>([
  [
    "a bridge's name that is another link's",
    ["--vm-bridge=uplink"],
    /bridge uplink cannot be made: the host has an interface of the kind veth/,
  ],
  ["a name of 16 characters", ["--vm-bridge=abcdefghijklmnop"], /--vm-bridge: expected a name of 1 to 15/],
  ["a subnet that the host has", ["--vm-subnet=203.0.113.0/24"], /203\.0\.113\.0\/24.*uplink/],
  ["a subnet that is none", ["--vm-subnet=10.0.0.999/24"], /10\.0\.0\.999\/24/],
  ["a port that is taken", ["--vm-publish=80:80"], /80.*(?:in use|taken)/],
  ["an address that is not the host's", ["--vm-publish=198.51.100.7:81:80"], /198\.51\.100\.7/],
  ["a port twice", ["--vm-publish=81:80", "--vm-publish=81:8080"], /81.*(?:in use|taken|twice)/],
  ["a port of 70000", ["--vm-publish=70000:80"], /70000/],
  ["ports without a network", ["--vm-net=none", "--vm-publish=81:80"], /--vm-net=none has no port/],
])("refuses %s, and leaves nothing", async (_what, flags, reason) => {
  expectRefused(await create(...flags), reason);
  expect(await rig.hostState()).toBe(before);
});

it.each([
  ["that is gone", "/run/netns/nk-test-none", /nk-test-none/],
  ["that is none", "/dev/null", /\/dev\/null/],
])("refuses a network namespace %s", async (_what, path, reason) => {
  const bundle = await rig.runtime.bundle({
    args: ["true"],
    linux: { namespaces: [{ type: "pid" }, { type: "mount" }, { type: "network", path }] },
  });
  const args = ["run", "--mode=vm", "--bundle", bundle.dir, rig.runtime.id()];
  expectRefused(await rig.runtime.call(args), reason);
  expect(await rig.hostState()).toBe(before);
});

it("refuses a bridge to whoever may not make one, and says what is missing", async () => {
  const [nsenter = "", ...inside] = rig.runtime.launcher;
  rig.runtime.launcher = [
    nsenter,
    ...inside,
    "setpriv",
    "--bounding-set=-net_admin",
    "--inh-caps=-net_admin",
  ];
  try {
    expectRefused(await create("--vm-net=tap"), /CAP_NET_ADMIN/);
  } finally {
    rig.runtime.launcher = [nsenter, ...inside];
  }
  expect(await rig.hostState()).toBe(before);
});

it("refuses a container that wants the host's network, and names what it can have", async () => {
  const bundle = await rig.runtime.bundle({
    args: ["true"],
    linux: { namespaces: ["pid", "mount", "ipc", "uts"].map((type) => ({ type })) },
  });
  const args = (...flags: string[]): string[] => [
    "run",
    "--mode=vm",
    ...flags,
    "--bundle",
    bundle.dir,
    rig.runtime.id(),
  ];
  expectRefused(await rig.runtime.call(args()), /no network, which means the host's.*--vm-net=tap/);
  expect((await rig.runtime.call(args("--vm-net=tap"))).code).toBe(0);
  await expect.poll(() => rig.hostState()).toBe(before);
});
