import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Runtime } from "./runtime.ts";

/** The kinds of share that the kernel under test can mount. */
const KINDS = ["virtiofs", "9p"] as const;

let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime();
});

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

describe.each(KINDS)("a folder shared by %s", (kind) => {
  let folder: string;
  let id: string;
  const sh = (script: string): Promise<string> => runtime.ok(["exec", id, "sh", "-c", script]);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "nk-share-"));
    id = await runtime.background(
      { mounts: [{ destination: "/data", type: "bind", source: folder, options: ["rbind"] }] },
      [`--vm-share=${kind}`],
    );
  });

  afterAll(async () => {
    await runtime.ok(["delete", "--force", id]);
    rmSync(folder, { recursive: true });
  });

  it("shows at once what the host writes, changes, cuts and removes", async () => {
    writeFileSync(join(folder, "f"), "first");
    expect(await sh("cat /data/f")).toBe("first");
    writeFileSync(join(folder, "f"), "again");
    expect(await sh("cat /data/f")).toBe("again");
    writeFileSync(join(folder, "f"), "a longer text");
    expect(await sh("cat /data/f")).toBe("a longer text");
    writeFileSync(join(folder, "f"), "x");
    expect(await sh("cat /data/f; ls /data")).toBe("xf\n");
    rmSync(join(folder, "f"));
    expect(await sh("ls /data; test -e /data/f || echo gone")).toBe("gone\n");
  });

  it("shows the host at once what the guest writes, with owner, mode and links", async () => {
    await sh(
      "cd /data && echo hi >a && chown 12:34 a && chmod 4751 a && ln a hard && ln -s a soft && mkdir d && mv hard d/",
    );
    const { mode, uid, gid, nlink } = lstatSync(join(folder, "a"));
    expect({ mode: mode & 0o7777, uid, gid, nlink }).toEqual({ mode: 0o4751, uid: 12, gid: 34, nlink: 2 });
    expect(lstatSync(join(folder, "soft")).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, "d/hard"), "utf8")).toBe("hi\n");
  });

  it("keeps extended attributes", async () => {
    writeFileSync(join(folder, "x"), "");
    execFileSync("setfattr", ["-n", "user.from", "-v", "host", join(folder, "x")]);
    mkdirSync(join(folder, "bin"), { recursive: true });
    execFileSync("cp", ["/usr/bin/busybox", join(folder, "bin/")]);
    await sh("cp -p /data/x /data/copy && touch /data/x");
    expect(
      execFileSync("getfattr", ["--only-values", "-n", "user.from", join(folder, "x")], { encoding: "utf8" }),
    ).toBe("host");
  });

  it("writes a large file to the host", async () => {
    await sh("dd if=/dev/urandom of=/data/big bs=1M count=16 2>/dev/null; sha256sum </data/big >/data/sum");
    const [sum = ""] = readFileSync(join(folder, "sum"), "utf8").split(" ");
    expect(execFileSync("sha256sum", [join(folder, "big")], { encoding: "utf8" }).split(" ")[0]).toBe(sum);
  });

  it("starts a hundred programs without a fault", async () => {
    expect(
      await sh(
        "i=0; while [ $i -lt 100 ]; do i=$((i+1)); /data/bin/busybox true || echo bad; done; echo end",
      ),
    ).toBe("end\n");
  });

  it.runIf(kind === "virtiofs")("has fifos and sockets", async () => {
    expect(await sh("mkfifo /data/p; (echo through >/data/p &); cat /data/p; rm /data/p")).toBe("through\n");
  });
});
