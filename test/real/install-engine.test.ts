import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Containerd } from "./containerd.ts";

/** `install-engine --write`, with the engine's folders out of the way: each call has mounts of its own over them. */

const NK_RUNTIME = fileURLToPath(new URL("../../bin/nk-runtime", import.meta.url));

const FOLDERS = [
  "/etc/containers",
  "/etc/containerd",
  "/var/lib/containers",
  "/run/containers",
  "/run/libpod",
];

/** The limits of a user of this host may be lower than those that podman gives. */
const CONTAINERS_CONF = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
cgroup_manager = "cgroupfs"
`;
const STORAGE_CONF = `[storage]
driver = "vfs"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
`;

let containerd: Containerd;
let folder: string;

beforeAll(async () => {
  containerd = await Containerd.make();
  folder = mkdtempSync(join(tmpdir(), "nk-install-"));
  writeFileSync(join(folder, "containers.conf"), CONTAINERS_CONF);
  writeFileSync(join(folder, "storage.conf"), STORAGE_CONF);
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await containerd[Symbol.asyncDispose]();
});

/** Runs lines of a shell where the engines' folders are empty. */
async function apart(...lines: string[]): Promise<string> {
  const script = [
    ...FOLDERS.map((path) => `mkdir -p ${path} && mount -t tmpfs tmpfs ${path}`),
    `cp ${folder}/*.conf /etc/containers/`,
    ...lines,
  ].join("\n");
  const { lab, socket } = containerd;
  const argv = ["unshare", "-m", ...lab.inside(lab.host), "sh", "-ec", script];
  const env = { ...process.env, CONTAINERD_ADDRESS: socket, CONTAINERD_NAMESPACE: "nk-install" };
  return (await promisify(execFile)(argv[0] ?? "", argv.slice(1), { env, timeout: 120_000 })).stdout;
}

describe.each([
  ["podman", "podman"],
  ["buildah", "buildah"],
  ["containerd", "containerd"],
])("install-engine %s", (engine, program) => {
  it("writes what it has printed, and has run a container by each runtime", async () => {
    const said = await apart(`${NK_RUNTIME} install-engine ${engine} --write`);
    expect(said).toContain(`${program} has run a container by nk-runtime\n`);
    expect(said).toContain(`${program} has run a container by nk-runtime-vm\n`);
  });
});

it("podman then knows a VM by name, also one without a cgroup", async () => {
  const run = "podman --runtime nk-runtime-vm run --rm --network=none";
  const said = await apart(
    `${NK_RUNTIME} install-engine podman --write >/dev/null`,
    `mkdir -p /run/containers/root/bin && cp /bin/busybox /run/containers/root/bin/`,
    `${run} --rootfs /run/containers/root /bin/busybox uname -r`,
    `${run} --cgroups=disabled --rootfs /run/containers/root /bin/busybox uname -r`,
  );
  expect(said).toMatch(/^(\S*-nk\S*|\S+-cloud-amd64)\n\1\n$/);
});
