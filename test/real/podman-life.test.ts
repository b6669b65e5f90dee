import { afterAll, beforeAll, expect, it } from "vitest";
import { StateStore } from "../../src/state/store.ts";
import { Podman } from "./podman.ts";

/** The life of a container in a VM as podman sees it: by conmon, which follows the shadow, and by the commands of the runtime. */
let podman: Podman;

beforeAll(async () => {
  podman = await Podman.make("netavark");
});
afterAll(() => podman[Symbol.asyncDispose]());

const NONE = ["--network=none"];
const FOR_EVER = "while :; do sleep 0.2; done";

const state = async (name: string, member: string): Promise<string> =>
  (await podman.ok("inspect", "--format", `{{.State.${member}}}`, name)).trim();

/** A container that has said that it is ready. */
async function ready(name: string, flags: string[], line: string): Promise<void> {
  await podman.run(name, [...NONE, ...flags], line);
  await expect.poll(() => podman.ok("logs", name)).toContain("ready");
}

it.each([
  ["/no/such", 127, "stat /no/such: no such file or directory"],
  ["nosuch", 127, "executable file not found in $PATH"],
  ["/etc/passwd", 126, "permission denied"],
])("a run of %s ends with %i", async (program, code, words) => {
  const said = await podman.call("run", "--rm", ...NONE, "box", program);
  expect(said).toMatchObject({ code });
  expect(said.stderr).toContain(words);
});

it("an exec has the same statuses, the process's own and its user", async () => {
  await ready("entered", [], `echo ready; ${FOR_EVER}`);
  const code = async (...words: string[]): Promise<number> =>
    (await podman.call("exec", "entered", ...words)).code;
  expect(await code("/no/such")).toBe(127);
  expect(await code("/etc/passwd")).toBe(126);
  expect(await code("sh", "-c", "exit 9")).toBe(9);
  expect(await podman.ok("exec", "--user", "12:13", "entered", "id")).toBe("uid=12 gid=13\n");
  await podman.ok("rm", "-f", "-t", "0", "entered");
});

it.each([
  ["its own process", []],
  ["one below podman's init", ["--init"]],
])("stop sends TERM to %s, and takes its status", async (_, flags) => {
  await ready("termed", flags, `trap 'exit 7' TERM; echo ready; ${FOR_EVER}`);
  await podman.ok("stop", "termed");
  expect(await state("termed", "ExitCode")).toBe("7");
  await podman.ok("rm", "termed");
});

it("stop kills who does not end, which can be started again", async () => {
  await ready("killed", [], `echo ready; ${FOR_EVER}`);
  await podman.ok("stop", "-t", "1", "killed");
  expect(await state("killed", "ExitCode")).toBe("137");
  await podman.ok("start", "killed");
  await podman.ok("rm", "-f", "-t", "0", "killed");
});

it("a health check runs in the container", async () => {
  await ready(
    "healthy",
    ["--health-cmd", "test -e /ok", "--health-interval=disable", "--health-retries=1"],
    `echo ready; ${FOR_EVER}`,
  );
  expect((await podman.call("healthcheck", "run", "healthy")).code).toBe(1);
  await podman.shell("healthy", "touch /ok");
  expect((await podman.call("healthcheck", "run", "healthy")).code).toBe(0);
  await podman.ok("rm", "-f", "-t", "0", "healthy");
});

it("memory that ran out in the guest is in podman's state", async () => {
  const said = await podman.call("run", ...NONE, "--name", "eater", "-m", "40m", "box", "tail", "/dev/zero");
  expect(said.code).toBe(137);
  expect(await state("eater", "OOMKilled")).toBe("true");
  await podman.ok("rm", "eater");
});

/** SIGKILL to the VM of a container. */
async function killVm(name: string): Promise<void> {
  const { vm } = new StateStore(podman.states).read(await podman.inspect(name, "{{.Id}}"));
  process.kill(vm?.vmmPid ?? 0, "SIGKILL");
}

const restarts = (name: string): Promise<string> =>
  podman.inspect(name, "{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}");

it("is started again when its VM was killed, with its port", async () => {
  await podman.run(
    "always",
    ["--restart=always", "-p", "8081:80"],
    "echo on > /index.html; exec httpd -f -h /",
  );
  await killVm("always");
  await expect.poll(() => restarts("always")).toBe("1 running 0");
  const get = ["curl", "-s", "-m", "10", "--retry", "20", "--retry-connrefused", "http://127.0.0.1:8081/"];
  expect(await podman.lab.run(podman.lab.host, get)).toBe("on\n");
  await podman.ok("rm", "-f", "-t", "0", "always");
});

it("is started again as often as it may be, when its VM was killed", async () => {
  await podman.run("twice", [...NONE, "--restart=on-failure:2"], "exec sleep 1000000");
  for (const count of [1, 2]) {
    await killVm("twice");
    await expect.poll(() => restarts("twice")).toBe(`${count} running 0`);
  }
  await killVm("twice");
  await expect.poll(() => restarts("twice")).toBe("2 exited 137");
  await podman.ok("rm", "twice");
});

it("is not started again after its own end in order", async () => {
  await podman.run("ends", [...NONE, "--restart=on-failure:2"], "exit 0");
  await expect.poll(() => restarts("ends")).toBe("0 exited 0");
  await podman.ok("rm", "ends");
});
