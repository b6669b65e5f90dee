// The connection that a guest dials by vsock, on Firecracker's stand-in.
import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { staticProgram } from "../fixtures/static-program.ts";
import { FIRECRACKER, runtime, useRuntimeOnStandIn } from "./firecracker-rig.ts";
import { findVictim } from "./victims.ts";

useRuntimeOnStandIn();

/** It is the monitor who has accepted it. */
async function cut(): Promise<void> {
  const monitor = await findVictim(runtime.root, "monitor");
  execFileSync(staticProgram("cut-socket"), [String(monitor), "v.sock_52"]);
}

it("the guest dials again, and its container goes on with its streams and its exit status", async () => {
  const { dir } = await runtime.bundle({ args: ["sh", "-c", "cat; exit 7"] });
  const id = runtime.id();
  const run = runtime.spawn(["run", "--mode=vm", FIRECRACKER, "--bundle", dir, id]);
  let said = "";
  run.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const done = new Promise((resolve) => {
    run.on("close", resolve);
  });
  for (const word of ["one\n", "two\n", "three\n"]) {
    run.stdin?.write(word);
    await expect.poll(() => said).toContain(word);
    await cut();
    expect(await runtime.ok(["exec", id, "echo", "again"])).toBe("again\n");
  }
  run.stdin?.end();
  expect([await done, said]).toEqual([7, "one\ntwo\nthree\n"]);
});
