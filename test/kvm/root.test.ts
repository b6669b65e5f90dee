import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { residue } from "../vm/residue.ts";
import { Runtime } from "../vm/runtime.ts";
import { ROWS } from "./matrix.ts";

/** The files of a container, on each VMM by each share: root file system and bind mounts. */
describe.each(ROWS)("%s", (_title, { vmm, accel, kind, flags, rootType, live }) => {
  let runtime: Runtime;
  let volume: string;
  let rootfs: string;
  let id: string;
  const sh = (script: string): Promise<string> => runtime.ok(["exec", id, "sh", "-c", script]);

  beforeAll(async () => {
    runtime = new Runtime(...flags);
    volume = mkdtempSync(join(tmpdir(), "nk-volume-"));
    writeFileSync(join(volume, "in"), "from the host\n");
    const bundle = await runtime.bundle({
      args: ["sleep", "1000000"],
      mounts: [
        { destination: "/data", type: "bind", source: volume, options: ["rbind"] },
        { destination: "/etc/one", type: "bind", source: join(volume, "in"), options: ["bind", "ro"] },
      ],
    });
    rootfs = bundle.rootfs;
    id = runtime.id();
    await runtime.detached(["run", "-d", "--mode=vm", ...flags, "--bundle", bundle.dir, id]);
  });

  afterAll(async () => {
    rmSync(volume, { recursive: true });
    expect(await runtime.close()).toEqual([]);
  });

  it("is what the container runs on", async () => {
    expect(runtime.record(id).vm).toMatchObject({ vmm, accel, share: kind });
    const clock = "/sys/devices/system/clocksource/clocksource0/available_clocksource";
    const [clockSources, type] = (await sh(`cat ${clock}; awk '$2 == "/" { print $3 }' /proc/mounts`)).split(
      "\n",
    );
    expect(type).toBe(rootType);
    // Only KVM gives its guests such a clock, which need not be the one in use.
    expect(clockSources?.includes("kvm-clock")).toBe(accel === "kvm");
  });

  it("has its bind mounts as mounts of their own", async () => {
    const mounts =
      'awk \'$5 == "/data" || $5 == "/etc/one" {print $5, substr($6, 1, 2)}\' /proc/self/mountinfo | sort';
    expect(
      await sh(`${mounts}; echo x >/x; mv /x /etc/one 2>&1 | grep -o busy; rm -f /x; cat /etc/one`),
    ).toBe("/data rw\n/etc/one ro\nbusy\nfrom the host\n");
  });

  it("takes what the container writes to its root, with owner, mode and links", async () => {
    await sh(
      "mkdir /d && cd /d && echo hi >a && chown 12:34 a && chmod 4751 a && ln a hard && ln -s a soft && mv hard moved",
    );
    await sh("cd /d && dd if=/dev/urandom of=big bs=1M count=4 2>/dev/null && sha256sum big >sum && sync");
    expect(await sh("cd /d && sha256sum -c sum && stat -c '%a %u:%g %h' a && cat soft moved")).toBe(
      "big: OK\n4751 12:34 2\nhi\nhi\n",
    );
    const seen = statSync(join(rootfs, "d/moved"), { throwIfNoEntry: false });
    expect(seen && { uid: seen.uid, mode: seen.mode & 0o7777 }).toEqual(
      live ? { uid: 12, mode: 0o4751 } : undefined,
    );
  });

  it("has bind mounts of the host, both ways", async () => {
    const script = "cat /data/in /etc/one; echo from the guest >/data/out; echo no >/etc/one || echo refused";
    const { stdout, stderr } = await runtime.call(["exec", id, "sh", "-c", script]);
    expect(stdout).toBe("from the host\nfrom the host\nrefused\n");
    expect(stderr).toContain("Read-only file system");
    expect(readFileSync(join(volume, "out"), "utf8")).toBe("from the guest\n");
    writeFileSync(join(volume, "later"), "later\n");
    expect(await sh("cat /data/later")).toBe("later\n");
  });

  it("leaves nothing when the container is deleted", async () => {
    await runtime.ok(["delete", "--force", id]);
    expect(residue(runtime.traces())).toEqual([]);
  });
});
