import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dir, refused, runtime, useRefusals } from "./refusal-rig.ts";

/** What of the host keeps a container from being made, before a VM is started. */
useRefusals();

describe("the host", () => {
  const run = async (...flags: string[]): Promise<string[]> => {
    const { dir: bundle } = await runtime.bundle({ args: ["true"] });
    return ["run", "-b", bundle, ...flags, runtime.id()];
  };

  it.each(["file", "file/below", "/proc/nk"])("refuses the state folder %s", async (root) => {
    writeFileSync(join(dir, "file"), "");
    await refused(
      ["--root", root.startsWith("/") ? root : join(dir, root), ...(await run())],
      /cannot make the state folder .*: name a folder that can be written with --root/,
    );
  });

  it("refuses a state folder on a read-only file system", async () => {
    const root = join(dir, "ro");
    mkdirSync(root);
    execFileSync("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", root]);
    try {
      for (const place of [root, join(root, "below")]) {
        await refused(["--root", place, ...(await run())], /cannot make .*read-only file system.*--root/);
      }
    } finally {
      execFileSync("umount", [root]);
    }
  });

  it("refuses a folder whose path is too long for a socket", async () => {
    const root = join(dir, "d".repeat(120));
    await refused(["--root", root, ...(await run("--mode=vm"))], /a socket's path at most 107: .*--root/);
    expect(existsSync(root) ? execFileSync("ls", ["-A", root], { encoding: "utf8" }) : "").toBe("");
  });

  it.each([
    ["/no/shadow", /the helper nk-shadow is missing: looked for \/no\/shadow: "make -C native"/],
    ["/etc/passwd", /expected "shadow PID" from \/etc\/passwd create/],
    ["/bin/true", /expected "shadow PID" from \/bin\/true create, it ended with status 0/],
  ])("says that %s is not nk-shadow", async (path, message) => {
    await refused(await run("--mode=vm"), message, { env: { NK_SHADOW: path } });
  });

  it("says that a runtime for container mode is missing", async () => {
    await refused(await run("--host-runtime=moon"), /no such runtime for container mode: moon/);
  });

  it("refuses flags of a VM for a container on the host's kernel", async () => {
    const { dir: bundle } = await runtime.bundle({ args: ["true"] });
    await refused(
      ["run", "--vm-memory=1G", "-b", bundle, runtime.id()],
      /--vm-memory is for a VM, .*add --mode=vm/,
    );
  });

  it("refuses a terminal where there is none", async () => {
    const bundle = await runtime.bundle();
    await bundle.edit((config) => ((config["process"] as Record<string, unknown>)["terminal"] = true));
    await refused(
      ["run", "--mode=vm", "-b", bundle.dir, runtime.id()],
      /process\.terminal is true, .*: run it at one, detach with --console-socket/,
    );
  });

  it("refuses cgroup paths that no hierarchy can have", async () => {
    const { dir: bundle } = await runtime.bundle({ linux: { cgroupsPath: "/nk\nx" } });
    await refused(["run", "--mode=vm", "-b", bundle, runtime.id()], /cannot make the cgroup .*cgroupsPath/);
  });
});
