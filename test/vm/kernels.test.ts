import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closedKvm } from "../../src/vm/accel.ts";
import { buildVsockDevice, FAKE_FIRECRACKER } from "../fixtures/fake-firecracker.ts";
import { Runtime } from "./runtime.ts";

/** Any kernel can be added and booted: here the distribution's stock one. Its cloud kernel and ours run in all other tests. */
const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

let runtime: Runtime;
let dir: string;

/** An installation of its own, whose image folder has a guest image but no kernel. */
function install(): void {
  for (const folder of ["bin", "build/image"]) mkdirSync(join(dir, folder), { recursive: true });
  const bundles = readdirSync(join(REPOSITORY, "build")).filter((file) => /\.cjs(\.cache)?$/.test(file));
  for (const file of ["bin/nk-runtime", ...bundles.map((name) => `build/${name}`)])
    copyFileSync(join(REPOSITORY, file), join(dir, file));
  for (const folder of ["build/bin", "build/image/rootfs"])
    symlinkSync(join(REPOSITORY, folder), join(dir, folder));
}

/** The stock kernel's package, unpacked and kept for the next run. Returns where its files are. */
function fetchStockKernel(): string {
  const script = `
    . scripts/lib/image-common.sh && . scripts/lib/image-distro.sh
    case $(. /etc/os-release && echo "$ID") in ubuntu) meta=linux-image-generic ;; *) meta=linux-image-amd64 ;; esac
    kept=$NK_CACHE/distro-kernel/$meta-$(version_of "$meta")
    [ -f "$kept/release" ] || download_distro_kernel "$meta" "$kept"
    printf %s "$kept"`;
  return execFileSync("bash", ["-euc", script], { cwd: REPOSITORY, encoding: "utf8" });
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-kernels-"));
  install();
  runtime = new Runtime();
  runtime.program = join(dir, "bin/nk-runtime");
});

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
  rmSync(dir, { recursive: true });
});

describe("the stock kernel of the distribution", () => {
  let name = "";

  it("is added with its modules, and listed as the default", async () => {
    const boot = join(fetchStockKernel(), "boot");
    name = readdirSync(boot).find((file) => file.startsWith("vmlinuz-")) ?? "";
    expect(await runtime.ok(["vm-kernel", "add", "--default", join(boot, name)])).toContain(
      "modules with it",
    );
    const listed = JSON.parse(await runtime.ok(["vm-kernel", "list", "--format=json"])) as { path: string }[];
    expect(listed.find(({ path }) => path.startsWith(dir))).toMatchObject({
      name,
      default: true,
      release: name.replace("vmlinuz-", ""),
      format: "bzImage",
      shares: ["virtiofs", "9p", "9p-vsock"],
      disks: ["erofs", "ext4"],
      modules: join(dir, `build/image/kernels/modules-${name.replace("vmlinuz-", "")}`),
    });
  });

  it("is booted", async () => {
    const { code, stdout, stderr } = await runtime.run({ args: ["uname", "-r"] });
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `${name.replace("vmlinuz-", "")}\n`,
      stderr: "",
    });
  });
});

it.skipIf(closedKvm() !== undefined)(
  "a kernel with modules loads vsock to reach us from Firecracker",
  async () => {
    buildVsockDevice();
    const kernels = join(REPOSITORY, "build/image/kernels");
    const cloud = readdirSync(kernels).find((file) => file.startsWith("vmlinuz-")) ?? "";
    const flags = [`--vm-kernel=${join(kernels, cloud)}`, "--vm-vmm=firecracker"];
    const env = { NK_FIRECRACKER: FAKE_FIRECRACKER, NK_FAKE_FC_GUEST: "qemu" };
    const { code, stdout, stderr } = await runtime.run({ args: ["uname", "-r"] }, flags, { env });
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `${cloud.replace("vmlinuz-", "")}\n`,
      stderr: "",
    });
  },
);

it("says before it boots what a kernel lacks for the container", async () => {
  const kernels = join(REPOSITORY, "build/image/kernels");
  const cloud = readdirSync(kernels).find((file) => file.startsWith("vmlinuz-")) ?? "";
  const folder = join(dir, "other");
  cpSync(kernels, folder, { recursive: true, verbatimSymlinks: true });
  const config = join(folder, cloud.replace("vmlinuz-", "config-"));
  execFileSync("sed", ["-i", "s/^CONFIG_CGROUP_PIDS=y$/# CONFIG_CGROUP_PIDS is not set/", config]);
  const kernel = `--vm-kernel=${join(folder, cloud)}`;
  const linux = { resources: { pids: { limit: 20 } } };
  const { code, stderr } = await runtime.run({ linux }, [kernel]);
  expect(code).toBe(1);
  expect(stderr).toContain("cannot limit the number of processes (CONFIG_CGROUP_PIDS)");
  expect(stderr).toContain("needed by linux.resources.pids.limit in config.json");
  expect(await runtime.ok(["list", "-q"])).toBe("");
});
