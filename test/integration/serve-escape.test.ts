import { readFileSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { OWNERS, sharedNamespaces, statusOf } from "../fixtures/process-root.ts";
import { T, text, u32, u64 } from "../fixtures/nine-p-client.ts";
import { EACCES, listing, O_RDWR, qidsOf, rig, served, serverPid, useServers } from "./serve-rig.ts";
import { soon } from "./shadow-rig.ts";

/** The confined server of a share against clients that want out of it. */
useServers();

describe("a guest that wants out", () => {
  test("cannot walk through a symbolic link of its own, wherever it leads", async () => {
    const { peer } = await served();
    await peer.walk(0, 9, "rootfs");
    for (const [name, target] of [
      ["root", "/"],
      ["up", "../../.."],
      ["proc-root", "/proc/1/root"],
    ] as const) {
      await peer.symlink(9, name, target);
      // The walk stops at the link: what is behind it cannot be named.
      expect(qidsOf(await peer.walk(9, 10, name, "etc"))).toBe(1);
      await peer.walk(9, 11, name);
      await expect(peer.open(11, 0)).rejects.toThrow();
      await peer.clunk(11);
    }
  });

  test("finds, above the tree, a root with the server and its libraries only, which it cannot change", async () => {
    const { peer } = await served();
    await peer.walk(0, 1, "..");
    await peer.open(1, 0);
    expect(await peer.readdir(1)).toEqual(["lib", "lib64", "tree", "usr"]);
    expect(qidsOf(await peer.walk(0, 2, "..", "..", "..", "etc"))).toBe(3);
    await peer.walk(0, 3, "..", "usr");
    await expect(peer.create(3, "new", O_RDWR, 0o644)).rejects.toMatchObject({ errno: 30 });
    await peer.walk(0, 4, "..", "lib64", "ld-linux-x86-64.so.2");
    // ETXTBSY comes first while somebody on the host starts a program with that loader.
    const outcome = await peer.open(4, O_RDWR).catch((error: unknown) => String(error));
    expect(outcome).toMatch(/errno (26|30)$/);
  });

  test.each(["", "/", "/etc", "/tree/..", "/proc", "ctl"])("cannot attach to %j", async (folder) => {
    const { peer } = await served();
    await expect(peer.attach(1, folder)).rejects.toThrow();
    expect(await listing(peer)).toEqual(["0", "1", "proof", "rootfs"]);
  });

  test("can make a device, and not open it", async () => {
    const { peer } = await served();
    await peer.walk(0, 9, "rootfs");
    await peer.mknod(9, "null", 0o20666, 1, 3);
    expect(statSync(join(rig.rootfs, "null")).rdev).toBe(0x103);
    await peer.walk(9, 1, "null");
    await expect(peer.open(1, O_RDWR)).rejects.toMatchObject({ errno: EACCES });
    await peer.walk(0, 2, "0");
    await peer.mknod(2, "kmsg", 0o20666, 1, 11);
    await peer.walk(2, 3, "kmsg");
    await expect(peer.open(3, O_RDWR)).rejects.toMatchObject({ errno: EACCES });
  });

  test("takes over a server that has nothing to give", async () => {
    const { server } = await served();
    const pid = serverPid(server);
    expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("diod\n");
    expect(["CapBnd", "CapPrm"].map((set) => statusOf(pid, set))).toEqual([OWNERS, OWNERS]);
    expect([statusOf(pid, "NoNewPrivs"), statusOf(pid, "Seccomp")]).toEqual(["1", "2"]);
    expect(sharedNamespaces(pid)).toEqual([]);
    expect(readdirSync(`/proc/${pid}/fd`).toSorted()).toEqual(["0", "1", "2"]);
    expect(readlinkSync(`/proc/${pid}/fd/0`)).toBe(readlinkSync(`/proc/${pid}/fd/1`));
    const mounts = readFileSync(`/proc/${pid}/mountinfo`, "utf8").trim().split("\n");
    expect(mounts.filter((line) => !/ (ro|rw),nosuid,nodev/.test(line))).toEqual([]);
    expect(mounts.filter((line) => / \/tree\S* rw/.test(line) && !/noexec\S*nosymfollow/.test(line))).toEqual(
      [],
    );
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).toBe("LD_PRELOAD=/lib/nk-one-device.so\0");
  });

  test("breaks the server at most, by a write before the start of an attribute", async () => {
    const { peer, server } = await served();
    await peer.walk(0, 1, "rootfs", "etc", "motd");
    await peer.ask(32, u32(1), text("user.x"), u64(16), u32(0)); // Txattrcreate
    const far = peer.ask(T.write, u32(1), u64(-(1n << 40n)), u32(8), Buffer.alloc(8));
    await expect(soon(far, "an answer")).rejects.toThrow("ended the connection");
    expect((await soon(server.failed, "the end of the server")).message).toContain(
      "diod was killed by SIGSEGV",
    );
  });
});
