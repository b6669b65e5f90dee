import { execFile } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeBundle } from "../fixtures/make-bundle.ts";
import { NetworkLab } from "../fixtures/network/lab.ts";
import { OrdinaryUser } from "../fixtures/ordinary-user.ts";

/** podman of an ordinary user, who has made our runtimes known to it: docs/rootless.md. */
let lab: NetworkLab;
let user: OrdinaryUser;

/** Hard limits of this host may be lower than podman's, and no systemd runs here. */
const CONTAINERS_CONF = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
cgroup_manager = "cgroupfs"
`;
const STORAGE_CONF = `[storage]\ndriver = "vfs"\n`;
const FOR_EVER = "while :; do sleep 0.2; done";

beforeAll(async () => {
  lab = await NetworkLab.make();
  user = await OrdinaryUser.make();
  user.launcher = lab.inside(lab.host);
  await user.sh("mkdir -p .config/containers data");
  user.file(".config/containers/containers.conf", CONTAINERS_CONF);
  user.file(".config/containers/storage.conf", STORAGE_CONF);
  await user.ok(user.nkRuntime, "install-engine", "podman", "--write");
  const bundle = await makeBundle();
  const archive = user.file("box.tar", "");
  await promisify(execFile)("tar", ["-C", bundle.rootfs, "-cf", archive, "."]);
  await bundle.cleanup();
  await podman("import", "--quiet", archive, "box");
});

afterAll(async () => {
  await user.call("podman", "rm", "--all", "--force", "-t", "0");
  await user.call("podman", "rmi", "--all", "--force");
  // Its process that keeps the user namespace.
  await user.call("podman", "system", "migrate");
  const left = await user.processes();
  await user[Symbol.asyncDispose]();
  await lab.close();
  expect(left).toEqual([]);
});

const podman = (...words: string[]): Promise<string> => user.ok("podman", ...words);

/** The state folders of containers that are there. */
const containers = (): string[] => readdirSync(user.stateRoot).filter((name) => /^[0-9a-f]{64}$/.test(name));

describe.each([
  ["nk-runtime", "the host's kernel", 18_080, (kernel: string) => expect(kernel).toBe(release())],
  ["nk-runtime-vm", "a VM", 18_081, (kernel: string) => expect(kernel).not.toBe(release())],
])("%s", (runtime, where, port, checkKernel) => {
  const run = (...words: string[]): Promise<string> => podman("--runtime", runtime, "run", ...words);

  it(`runs a container in ${where}, as its root`, async () => {
    const [kernel, uid] = (await run("--rm", "--network=none", "box", "sh", "-c", "uname -r; id -u")).split(
      "\n",
    );
    checkKernel(kernel ?? "");
    expect(uid).toBe("0");
    expect(containers()).toEqual([]);
  });

  it("a container lives: logs, exec, a volume, kill, stop, rm", async () => {
    const line = `trap 'echo usr1' USR1; trap 'exit 5' TERM; cat /data/in; echo ready; ${FOR_EVER}`;
    user.file("data/in", "hello\n");
    await run(
      "-d",
      `--name=${runtime}-1`,
      "--network=none",
      "-v",
      `${user.home}/data:/data`,
      "box",
      "sh",
      "-c",
      line,
    );
    await expect.poll(() => podman("logs", `${runtime}-1`)).toBe("hello\nready\n");
    expect(containers()).toHaveLength(1);
    const made = "touch /data/root /data/other; chown 33:33 /data/other; id -u";
    expect(await podman("exec", `${runtime}-1`, "sh", "-c", made)).toBe("0\n");
    expect(lstatSync(join(user.home, "data/root")).uid).toBe(user.uid);
    expect(lstatSync(join(user.home, "data/other")).uid).toBe((user.firstSubuid ?? 0) + 32);
    expect(await podman("exec", "--user=12:13", `${runtime}-1`, "id")).toBe("uid=12 gid=13\n");
    expect((await user.call("podman", "exec", `${runtime}-1`, "sh", "-c", "exit 9")).code).toBe(9);
    await podman("kill", "--signal=USR1", `${runtime}-1`);
    await expect.poll(() => podman("logs", `${runtime}-1`)).toContain("usr1\n");
    await podman("stop", `${runtime}-1`);
    expect(await podman("inspect", "--format={{.State.ExitCode}}", `${runtime}-1`)).toBe("5\n");
    await podman("rm", `${runtime}-1`);
    expect(containers()).toEqual([]);
  });

  it("has a terminal, also in exec", async () => {
    expect(await run("--rm", "-t", "--network=none", "box", "tty")).toMatch(/^\/dev\/\S+\r\n$/);
    await run("-d", `--name=${runtime}-2`, "--network=none", "box", "sh", "-c", FOR_EVER);
    expect(await podman("exec", "-t", `${runtime}-2`, "tty")).toMatch(/^\/dev\/\S+\r\n$/);
    await podman("rm", "-f", "-t", "0", `${runtime}-2`);
  });

  it("a user of the container writes as one of the range, or with keep-id as ours", async () => {
    mkdirSync(join(user.home, `shared-${runtime}`), { mode: 0o777 });
    await promisify(execFile)("chmod", ["777", join(user.home, `shared-${runtime}`)]);
    const volume = ["-v", `${user.home}/shared-${runtime}:/data`];
    await run("--rm", "--network=none", "--user=7", ...volume, "box", "touch", "/data/seven");
    await run("--rm", "--network=none", "--userns=keep-id", ...volume, "box", "touch", "/data/mine");
    const owner = (name: string): number => lstatSync(join(user.home, `shared-${runtime}`, name)).uid;
    expect(owner("seven")).toBe((user.firstSubuid ?? 0) + 6);
    expect(owner("mine")).toBe(user.uid);
  });

  it.each([
    ["slirp4netns", "as install-engine has it"],
    ["rootlesskit", "podman's default"],
  ])("has podman's network, and ports by %s, %s", async (handler) => {
    const line = "echo from the box >/tmp/index.html; httpd -f -h /tmp";
    const published = ["-p", `127.0.0.1:${port}:80`, `--network=slirp4netns:port_handler=${handler}`];
    await run("-d", `--name=${runtime}-3`, ...published, "box", "sh", "-c", line);
    const get = (): Promise<string> =>
      lab.run(lab.host, ["busybox", "wget", "-qO-", `http://127.0.0.1:${port}/`]).catch(() => "");
    await expect.poll(get).toBe("from the box\n");
    expect(await podman("exec", `${runtime}-3`, "ip", "-4", "addr", "show", "tap0")).toContain(
      "inet 10.0.2.100/24",
    );
    await podman("rm", "-f", "-t", "0", `${runtime}-3`);
  });

  it("containers of a pod share their names", async () => {
    const infra = ["--infra-image=box", "--infra-command=sleep 1000000"];
    await podman("--runtime", runtime, "pod", "create", "--name=pod1", "--network=none", ...infra);
    expect(await run("--rm", "--pod=pod1", "box", "hostname")).toBe("pod1\n");
    await podman("pod", "rm", "-f", "-t", "0", "pod1");
    expect(containers()).toEqual([]);
  });
});

it("doctor says that both modes work, and what is lacking", async () => {
  const { checks, vm, container } = JSON.parse(
    (await user.call(user.nkRuntime, "doctor", "--format=json")).stdout,
  ) as { checks: { name: string; status: string; found: string }[]; vm: object; container: object };
  expect(vm).toMatchObject({ works: true });
  expect(container).toMatchObject({ works: true });
  const found = (name: string): string => checks.find((check) => check.name === name)?.found ?? "";
  expect(found("privileges")).toBe(
    `user ${user.uid}, in user namespaces of its own, with 65536 more users and groups`,
  );
  expect(found("confinement")).toMatch(/^QEMU: a user and a root of its own, no capability/);
});
