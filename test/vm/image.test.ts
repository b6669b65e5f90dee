import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { busyboxImage } from "../fixtures/busybox-image.ts";
import { dockerArchive, ociArchive } from "../fixtures/container-image.ts";
import { AtTerminal } from "./at-terminal.ts";
import { Runtime } from "./runtime.ts";

let runtime: Runtime;
let dir: string;

beforeAll(() => {
  runtime = new Runtime();
  dir = mkdtempSync(join(tmpdir(), "nk-vm-image-"));
});

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
  rmSync(dir, { recursive: true });
});

describe("run --image in a VM", () => {
  it.each(["auto", "block"])("runs the image's command as its user, with --vm-share=%s", async (share) => {
    const path = join(dir, "box.tar");
    writeFileSync(
      path,
      dockerArchive([busyboxImage({ User: "app", WorkingDir: "/home/app", Env: ["A=1"] })]),
    );
    const id = runtime.id();
    const flags = ["--mode=vm", `--vm-share=${share}`, "--image", path];
    const { code, stdout, stderr } = await runtime.call(["run", ...flags, id]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("uid=1000(app) gid=100(users) groups=2000(extra)");
    expect(stdout.split("\n")).toEqual(expect.arrayContaining(["A=1", "HOME=/home/app", "/home/app", id]));
  });

  it("gives another command a terminal, which may write where its user may", async () => {
    const path = join(dir, "box.oci");
    writeFileSync(path, ociArchive([busyboxImage({ User: "app" })]));
    const script = "echo kept >/home/app/file && cat /home/app/file; echo no >/etc/no; tty; exit 4";
    const words = ["run", "-it", "--rm", "--mode=vm", "--image", path, runtime.id(), "sh", "-c", script];
    const { code, output } = await AtTerminal.run(runtime.root, words).end();
    expect(code).toBe(4);
    expect(output).toMatch(/kept\r\n.*Permission denied\r\n/s);
  });
});
