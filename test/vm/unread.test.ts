import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MARK } from "./residue.ts";
import { Runtime } from "./runtime.ts";

/** More than a pipe takes, less than is on its way (256 KiB) and in a pipe. */
const SOME_BYTES = 200_000;

let runtime: Runtime;
/** Our end of a pipe that we do not read, and the container's. */
let reader: number;
let writer: number;

beforeEach(() => {
  runtime = new Runtime();
  const fifo = join(runtime.root, ".fifo");
  spawnSync("mkfifo", [fifo]);
  reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  writer = openSync(fifo, constants.O_WRONLY);
});
afterEach(async () => {
  closeSync(reader);
  expect(await runtime.close()).toEqual([]);
});

/** A container that writes so many bytes to the pipe and ends with 3. */
async function writing(bytes: number): Promise<string> {
  const { dir } = await runtime.bundle({ args: ["sh", "-c", `head -c ${bytes} /dev/zero; exit 3`] });
  const id = runtime.id();
  const child = spawn(
    runtime.program,
    ["--root", runtime.root, "run", "-d", "--mode=vm", "--bundle", dir, id],
    { stdio: ["ignore", writer, "inherit"], env: { ...process.env, [MARK]: runtime.root } },
  );
  closeSync(writer);
  expect((await once(child, "exit"))[0]).toBe(0);
  return id;
}

const status = (id: string): Promise<string> => runtime.ok(["state", "--short", id]);

function readAll(): number {
  const chunk = Buffer.alloc(65_536);
  let total = 0;
  for (let n = 1; n > 0; total += n) n = readSync(reader, chunk);
  return total;
}

/** Takes the first of what the container writes, when it does. */
async function begun(): Promise<void> {
  const some = Buffer.alloc(4096);
  const take = (): number => {
    try {
      return readSync(reader, some);
    } catch {
      return 0; // EAGAIN
    }
  };
  await expect.poll(take).toBeGreaterThan(0);
}

it("a container that has ended is stopped and deleted, and its output can be read later", async () => {
  const id = await writing(SOME_BYTES);
  await expect.poll(() => status(id)).toBe("stopped (vm)\n");
  const { exitStatus } = JSON.parse(await runtime.ok(["state", id])) as { exitStatus: number };
  expect(exitStatus).toBe(3);
  await runtime.ok(["delete", id]);
  expect(readAll()).toBe(SOME_BYTES);
});

it("one that has written more than anybody keeps for it runs until it is killed", async () => {
  const id = await writing(10_000_000);
  expect(await status(id)).toBe("running (vm)\n");
  await begun();
  await runtime.ok(["kill", id, "KILL"]);
  await expect.poll(() => status(id)).toBe("stopped (vm)\n");
  await runtime.ok(["delete", id]);
  expect(readAll()).toBeGreaterThan(0);
});

it("one that has ended, and whose output nobody takes, is deleted by force", async () => {
  const id = await writing(500_000);
  await begun();
  expect((await runtime.call(["delete", id])).stderr).toContain("not stopped: running");
  await runtime.ok(["delete", "--force", id]);
  expect(readAll()).toBeGreaterThan(0);
});
