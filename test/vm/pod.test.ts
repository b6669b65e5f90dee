import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Runtime } from "./runtime.ts";

/** Containers that name namespaces of another one in a VM, as podman and CRI do for a pod: they live in its VM. */

let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime("--vm-net=none");
});

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

type Namespaces = { type: string; path?: string }[];

/** linux.namespaces with those of a container's shadow in them. */
function of(id: string, ...types: string[]): Namespaces {
  const { pid } = runtime.record(id);
  const proc: Record<string, string> = { network: "net" };
  return [
    ...["mount", "pid", "ipc", "uts", "network"]
      .filter((type) => !types.includes(type))
      .map((type) => ({ type })),
    ...types.map((type) => ({ type, path: `/proc/${pid}/ns/${proc[type] ?? type}` })),
  ];
}

const member = (namespaces: Namespaces, line = "exec sleep 1000000") => ({
  args: ["sh", "-c", line],
  linux: { namespaces },
  config: { hostname: undefined },
});

const bootId = (id: string) => runtime.ok(["exec", id, "cat", "/proc/sys/kernel/random/boot_id"]);

describe("a pod", () => {
  let first: string;
  let second: string;

  beforeAll(async () => {
    first = await runtime.background({ hostname: "the-pod" });
    second = await runtime.background(member(of(first, "network", "ipc", "uts")));
  });

  it("has one VM", async () => {
    expect(await bootId(second)).toBe(await bootId(first));
    const vms = JSON.parse(await runtime.ok(["vm-list", "--format", "json"])) as { id: string }[];
    expect(vms).toMatchObject([{ id: first, containers: [{ id: first }, { id: second }] }]);
  });

  it("has the host name, the shared memory segments and localhost in common, and not the processes", async () => {
    expect(await runtime.ok(["exec", second, "hostname"])).toBe("the-pod\n");
    const links = ["ipc", "uts", "net", "pid"].map((name) => `readlink /proc/self/ns/${name}`).join("; ");
    const [one = [], two = []] = await Promise.all(
      [first, second].map(async (id) => (await runtime.ok(["exec", id, "sh", "-c", links])).split("\n")),
    );
    expect(two.slice(0, 3)).toEqual(one.slice(0, 3));
    expect(two[3]).not.toBe(one[3]);
    await runtime.ok([
      "exec",
      first,
      "sh",
      "-c",
      "mkdir /www && echo hello > /www/index.html && httpd -p 80 -h /www",
    ]);
    expect(await runtime.ok(["exec", second, "wget", "-q", "-O", "-", "http://127.0.0.1/"])).toBe("hello\n");
  });

  it("takes one that shares the processes, and that names a namespace of the second", async () => {
    const { stdout, code } = await runtime.run(member(of(second, "network", "pid"), "ps -o args"));
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("sleep 1000000") as unknown,
    });
  });

  it("goes on when a member ends", async () => {
    const third = await runtime.background(member(of(first, "network")));
    await runtime.ok(["delete", "--force", third]);
    expect(await runtime.ok(["exec", second, "echo", "on"])).toBe("on\n");
  });

  it("takes what --vm sends there", async () => {
    const { stdout } = await runtime.call([
      "run",
      "--vm",
      first,
      "--bundle",
      (await runtime.bundle({ args: ["cat", "/proc/sys/kernel/random/boot_id"] })).dir,
      runtime.id(),
    ]);
    expect(stdout).toBe(await bootId(first));
  });

  it("refuses one that is to have a network of its own", async () => {
    const { code, stderr } = await runtime.run(member(of(first, "ipc")));
    expect(code).toBe(1);
    expect(stderr).toContain("a VM has one");
  });

  it("ends with its first container, and says so of the others", async () => {
    await runtime.ok(["kill", first, "KILL"]);
    await expect.poll(() => runtime.record(second).status, { timeout: 20_000 }).toBe("stopped");
    expect(runtime.record(second)).toMatchObject({
      exitStatus: 137,
      error: { message: expect.stringContaining(`ended with the container ${first}`) as unknown },
    });
    await runtime.ok(["delete", first]);
    await runtime.ok(["delete", second]);
  });
});

it("a container whose files are on a disk takes no other into its VM", async () => {
  const first = await runtime.background({}, ["--vm-share=block"]);
  const { code, stderr } = await runtime.run(member(of(first, "network")));
  expect(code).toBe(1);
  expect(stderr).toContain("--vm-share=virtiofs");
  expect(await runtime.ok(["exec", first, "echo", "on"])).toBe("on\n");
});

it("the first may be deleted by force, and what is left of the others is found", async () => {
  const first = await runtime.background();
  const second = await runtime.background(member(of(first, "network", "uts")));
  await runtime.ok(["delete", "--force", first]);
  expect(JSON.parse(await runtime.ok(["state", second]))).toMatchObject({ status: "stopped" });
  await runtime.ok(["delete", second]);
});
