import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toolObstacle } from "../../src/image/disk-tools.ts";
import { VHOST_VSOCK } from "../../src/vm/qemu/share-device.ts";
import { NkRuntime } from "../fixtures/nk-runtime.ts";
import { Runtime } from "../vm/runtime.ts";
import { foreignTo, lookAround, Markers, partsOf, ROOT_OF_THE_GUEST } from "./guest-view.ts";

/** Run in the root of a distribution: a container by each share that its packages and kernels can serve. */
const NK_RUNTIME = fileURLToPath(new URL("../../bin/nk-runtime", import.meta.url));
const BUILD = fileURLToPath(new URL("../../build", import.meta.url));

interface Kernel {
  path: string;
  shares: string[];
  disks: string[];
}

const kernels = (
  JSON.parse(
    execFileSync(NK_RUNTIME, ["vm-kernel", "list", "--format=json"], { encoding: "utf8" }),
  ) as Kernel[]
).filter(({ path }) => path.startsWith(BUILD)); // the installed ones are the same

/** What the guest mounts by each; for `block` also what the bind mount comes by. */
const SHARES = [
  { share: "virtiofs", types: ["virtiofs"], flags: ["--vm-share=virtiofs"] },
  { share: "9p", types: ["9p"], flags: ["--vm-share=9p"] },
  { share: "9p-vsock", types: ["9p"], flags: ["--vm-share=9p-vsock"] },
  { share: "block", types: ["ext4", "virtiofs"], flags: ["--vm-share=block", "--vm-block-fs=ext4"] },
  { share: "block", types: ["erofs", "virtiofs"], flags: ["--vm-share=block", "--vm-block-fs=erofs"] },
] as const;

const rows = kernels.flatMap(({ path, shares, disks }) =>
  SHARES.filter(({ types }) => types.every((type) => [...shares, ...disks].includes(type)))
    .filter(({ share }) => share === "block" || shares.includes(share))
    .map(({ share, types, flags }) => ({
      name: [
        share,
        ...types.filter((type) => type !== share && share === "block").slice(0, 1),
        basename(path),
      ].join(", "),
      share,
      types,
      flags: [...flags, `--vm-kernel=${path}`],
      obstacle: obstacleTo(share, flags),
    })),
);

/** Why this distribution cannot serve it, whatever is installed; "" when it can. */
function obstacleTo(share: string, flags: readonly string[]): string {
  if (share === "9p-vsock" && !existsSync(VHOST_VSOCK)) return `no ${VHOST_VSOCK} on this machine`;
  const tools = flags.includes("--vm-block-fs=erofs") ? (toolObstacle("erofs") ?? "") : "";
  return /is older than/.test(tools) ? tools : "";
}

let runtime: Runtime;
let data: string;

beforeAll(() => {
  runtime = new Runtime();
  data = mkdtempSync(join(tmpdir(), "nk-data-"));
  writeFileSync(join(data, "from-host"), "of the host\n");
});

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
  rmSync(data, { recursive: true });
});

const bind = (): object => ({
  mounts: [{ destination: "/data", type: "bind", source: data, options: ["rbind"] }],
});

it("there is a kernel for virtiofs, and one for 9p", () => {
  const shares = new Set(kernels.flatMap((kernel) => kernel.shares));
  expect([...shares]).toEqual(expect.arrayContaining(["virtiofs", "9p"]));
});

describe.each(rows)("$name", ({ flags, types, obstacle }) => {
  it("runs a container, enters it, and binds a folder of the host", async ({ skip }) => {
    if (obstacle !== "") skip(obstacle);
    const id = await runtime.background(bind(), flags);
    expect(await runtime.ok(["state", "--short", id])).toBe("running (vm)\n");
    const exec = (text: string): Promise<string> => runtime.ok(["exec", id, "sh", "-c", text]);
    expect(await exec("hostname; echo $((6 * 7))")).toBe("nk-test\n42\n");
    expect(await exec("cat /data/from-host; echo of the guest >/data/from-guest")).toBe("of the host\n");
    expect(readFileSync(join(data, "from-guest"), "utf8")).toBe("of the guest\n");
    expect((await runtime.call(["exec", id, "sh", "-c", "exit 7"])).code).toBe(7);
    await runtime.ok(["delete", "--force", id]);
  });

  it("shows the guest its tree and nothing else", async ({ skip }) => {
    if (obstacle !== "") skip(obstacle);
    const markers = new Markers();
    try {
      const { dir, rootfs } = await runtime.bundle({
        ...ROOT_OF_THE_GUEST,
        ...bind(),
        args: ["sh", "-c", lookAround(markers.name)],
        files: { "tmp/look/.keep": "", "data/.keep": "" },
      });
      const { code, stdout, stderr } = await runtime.runAgain(dir, flags);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const parts = partsOf(stdout);
      expect(parts.slice(-2)).toEqual([
        { type: "markers", paths: [] },
        { type: "end", paths: [] },
      ]);
      const seen = parts.slice(0, -2);
      expect(seen.map(({ type }) => type)).toEqual(expect.arrayContaining([...types]));
      for (const { type, paths } of seen)
        expect({ type, foreign: foreignTo([rootfs, data], paths) }).toEqual({ type, foreign: [] });
    } finally {
      markers.remove();
    }
  });
});

describe("the distribution", () => {
  it("passes doctor", async () => {
    const report = JSON.parse(await runtime.ok(["doctor", "--format=json"])) as {
      checks: { name: string; status: string }[];
    };
    expect(report.checks.filter(({ status }) => status === "fail")).toEqual([]);
  });

  it("runs a container on the host's kernel by its runc or crun", async () => {
    const host = await NkRuntime.make();
    try {
      const { dir } = await runtime.bundle({ args: ["echo", "up"] });
      const result = await host.run(["run", "--mode=container", "--bundle", dir, "on-host"]);
      expect(result).toMatchObject({ code: 0, stdout: "up\n", stderr: "" });
    } finally {
      await host.cleanup();
    }
  });

  it("brings a runc that runs a container in the VM", async () => {
    const { dir } = await runtime.bundle({ args: ["echo", "up"] });
    expect(await runtime.runAgain(dir, ["--vm-runtime=runc"])).toEqual({
      code: 0,
      stdout: "up\n",
      stderr: "",
    });
  });
});
