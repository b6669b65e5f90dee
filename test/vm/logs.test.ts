import { afterAll, beforeAll, expect, it } from "vitest";
import { AtTerminal } from "./at-terminal.ts";
import { Runtime } from "./runtime.ts";

let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime();
});

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

it("a container left at a terminal writes to its log, is followed, and stopped", async () => {
  const script =
    "trap 'echo bye; exit 3' TERM; read x; echo \"up $x\"; echo err >&2; while :; do sleep 0.1; done";
  const { dir } = await runtime.bundle({ args: ["sh", "-c", script] });
  const id = runtime.id();
  const terminal = AtTerminal.run(runtime.root, ["run", "-d", "--mode=vm", "--bundle", dir, id]);
  const { code, output } = await terminal.end();
  expect({ code, hasOutput: output.includes("up") }).toEqual({ code: 0, hasOutput: false });
  const followed = await runtime.call(["logs", "-f", id], {
    during: (child) => child.stdout?.once("data", () => void runtime.call(["stop", id])),
  });
  // The two streams are kept as they come, and come over two channels.
  expect(followed).toMatchObject({ code: 0, stderr: "" });
  expect(followed.stdout.split("\n").sort()).toEqual(["", "bye", "err", "up "]);
  await expect.poll(() => runtime.call(["state", "--short", id])).toMatchObject({ stdout: "stopped (vm)\n" });
  expect((await runtime.call(["logs", id])).stdout).toBe(followed.stdout);
});

it("a create at a terminal is the same, and so is a container in a VM made by hand", async () => {
  const vm = runtime.id();
  await runtime.ok(["vm-create", vm]);
  await runtime.ok(["vm-start", vm]);
  const { dir } = await runtime.bundle({ args: ["echo", "from inside"] });
  const id = runtime.id();
  const terminal = AtTerminal.run(runtime.root, ["create", "--vm", vm, "--bundle", dir, id]);
  expect(await terminal.end()).toMatchObject({ code: 0 });
  await runtime.ok(["start", id]);
  expect(await runtime.ok(["logs", "-f", id])).toBe("from inside\n");
  await runtime.ok(["delete", "--force", id]);
  await runtime.ok(["vm-delete", "--force", vm]);
});
