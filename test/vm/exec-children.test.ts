import { spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MARK } from "./residue.ts";
import { Runtime } from "./runtime.ts";
import { hasEnded, isExecShadow, processesOf, within } from "./victims.ts";

/** Says `early`, ends with 5, and leaves a child behind that says `late` when /go is there, and then makes /done. */
const SCRIPT =
  "(while [ ! -e /go ]; do sleep 0.1; done; echo late; echo bad >&2; echo >/done) & echo early; exit 5";

// As on a host, where they have the caller's own descriptors: whoever waits for the process does not wait for its children.
describe("what an exec leaves behind", () => {
  let runtime: Runtime;
  let id: string;

  beforeEach(async () => {
    runtime = new Runtime();
    id = await runtime.background();
  });
  afterEach(async () => {
    expect(await runtime.close()).toEqual([]);
  });

  function exec(stdio: StdioOptions, ...flags: string[]) {
    const env = { ...process.env, [MARK]: runtime.root };
    const args = ["--root", runtime.root, "exec", ...flags, id, "sh", "-c", SCRIPT];
    return spawn(runtime.program, args, { stdio, env });
  }

  const go = (): Promise<string> => runtime.ok(["exec", id, "touch", "/go"]);

  it("is heard through a pipe after the exec has ended", async () => {
    const child = exec(["ignore", "pipe", "pipe"]);
    let said = "";
    child.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const closed = once(child, "close");
    expect((await once(child, "exit"))[0]).toBe(5);
    await expect.poll(() => said).toBe("early\n");
    await go();
    await closed;
    expect(said.split("\n").sort()).toEqual(["", "bad", "early", "late"]);
  });

  it("is heard in a file, also of a detached exec", async () => {
    for (const flags of [[], ["-d", "--pid-file", join(runtime.root, ".pid")]]) {
      const log = join(runtime.root, ".log");
      const fd = openSync(log, "w");
      const child = exec(["ignore", fd, fd], ...flags);
      closeSync(fd);
      expect((await once(child, "exit"))[0]).toBe(flags.length > 0 ? 0 : 5);
      if (flags.length > 0) {
        const pid = Number(readFileSync(join(runtime.root, ".pid"), "utf8"));
        await within(30_000, () => hasEnded(pid) || undefined);
      }
      expect(readFileSync(log, "utf8")).toBe("early\n");
      await go();
      await expect.poll(() => readFileSync(log, "utf8")).toBe("early\nlate\nbad\n");
      await runtime.ok(["exec", id, "rm", "-f", "/go", "/done"]);
    }
  });

  it("gets SIGPIPE when nobody reads it any more", async () => {
    const child = exec(["ignore", "pipe", "pipe"]);
    await once(child, "exit");
    child.stdout?.destroy();
    child.stderr?.destroy();
    // Until the monitor has heard of it.
    await within(30_000, () => shadowsOfExecs(runtime.root) === 0 || undefined);
    await go();
    await expect.poll(async () => (await runtime.ok(["ps", id])).match(/ sh/)).toBeNull();
    expect((await runtime.call(["exec", id, "cat", "/done"])).code).toBe(1);
  });

  it("ends with the container, and is heard until then", async () => {
    const child = exec(["ignore", "pipe", "pipe"]);
    let said = "";
    child.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const closed = once(child, "close");
    await once(child, "exit");
    await runtime.ok(["delete", "--force", id]);
    await closed;
    expect(said).toBe("early\n");
  });
});

/** How many shadows of execs there are: those that stay for children as well. */
function shadowsOfExecs(root: string): number {
  return processesOf(root).filter(isExecShadow).length;
}
