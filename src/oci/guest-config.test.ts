import { describe, expect, it } from "vitest";
import { guestConfig, planMounts } from "./guest-config.ts";

const share = "/run/nk/share";

function mounts(list: unknown[]): unknown {
  return guestConfig({ mounts: list }, "c1", share)["mounts"];
}

describe("planMounts", () => {
  it("assembles binds on the host and leaves kernel file systems to the guest", () => {
    const plan = planMounts({
      mounts: [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/data", type: "bind", source: "/srv/data", options: ["rbind", "rw"] },
        { destination: "/plain", source: "/srv/plain", options: ["bind"] },
      ],
    });
    expect(plan.binds.map(({ source }) => source)).toEqual(["/srv/data", "/srv/plain"]);
    expect(plan.mountPoints).toEqual([{ destination: "/proc", kind: "dir" }]);
  });

  it("makes no mount point that another native mount covers", () => {
    const plan = planMounts({
      mounts: [
        { destination: "/dev", type: "tmpfs" },
        { destination: "/dev/pts", type: "devpts" },
        { destination: "/device", type: "tmpfs" },
      ],
    });
    expect(plan.mountPoints.map(({ destination }) => destination)).toEqual(["/dev", "/device"]);
  });

  it("refuses a file system that is neither a folder of the host nor the kernel's own", () => {
    expect(() => planMounts({ mounts: [{ destination: "/n", type: "nfs" }] })).toThrow('type "nfs"');
  });
});

describe("guestConfig", () => {
  it("takes each bind mount from its volume when the root is not shared", () => {
    const list = [
      { destination: "/a", type: "bind", source: "/srv/a", options: ["bind", "ro"] },
      { destination: "/proc", type: "proc" },
      { destination: "/b", source: "/srv/b", options: ["rbind"] },
    ];
    expect(guestConfig({ mounts: list }, "c1", share, "volumes")["mounts"]).toEqual([
      { destination: "/a", type: "bind", source: "/run/nk/share/0", options: ["rbind", "ro"] },
      { destination: "/proc", type: "proc" },
      { destination: "/b", type: "bind", source: "/run/nk/share/1", options: ["rbind"] },
    ]);
  });

  it("leaves a plain bind mount to the shared tree", () => {
    expect(
      mounts([{ destination: "/data", type: "bind", source: "/srv", options: ["rbind", "rw"] }]),
    ).toEqual([]);
  });

  it("mounts a read-only bind once more, so that the guest's kernel enforces it", () => {
    expect(mounts([{ destination: "/data", type: "bind", source: "/srv", options: ["bind", "ro"] }])).toEqual(
      [{ destination: "/data", type: "bind", source: "/run/nk/share/data", options: ["rbind", "ro"] }],
    );
  });

  it("mounts a bind that a native mount would cover", () => {
    expect(
      mounts([
        { destination: "/dev", type: "tmpfs" },
        { destination: "/dev/shm", type: "bind", source: "/x", options: ["rbind"] },
      ]),
    ).toEqual([
      { destination: "/dev", type: "tmpfs" },
      { destination: "/dev/shm", type: "bind", source: "/run/nk/share/dev/shm", options: ["rbind"] },
    ]);
  });

  it("keeps only what can mean something in the guest", () => {
    const config = guestConfig(
      {
        process: { args: ["sh"], apparmorProfile: "p", selinuxLabel: "l" },
        hooks: { prestart: [{ path: "/h" }], startContainer: [{ path: "/s" }] },
        linux: {
          namespaces: [{ type: "pid" }, { type: "network", path: "/run/netns/x" }],
          cgroupsPath: "/host/path",
          resources: {
            memory: { limit: 1, swap: 2 },
            cpu: { quota: 1, cpus: "0-3" },
            blockIO: {},
            pids: { limit: 5 },
          },
          unknownMember: 7,
        },
      },
      "c1",
      share,
    );
    expect(config["process"]).toEqual({ args: ["sh"] });
    expect(config["hooks"]).toEqual({ startContainer: [{ path: "/s" }] });
    expect(config["linux"]).toEqual({
      namespaces: [{ type: "pid" }, { type: "network" }],
      cgroupsPath: "/nk/c1",
      resources: { memory: { limit: 1 }, cpu: { quota: 1 }, pids: { limit: 5 } },
      unknownMember: 7,
    });
  });

  it("refuses a seccomp listener", () => {
    expect(() => guestConfig({ linux: { seccomp: { listenerPath: "/x" } } }, "c1", share)).toThrow(
      "listenerPath",
    );
  });
});
