import { describe, expect, it } from "vitest";
import { guestConfig } from "./guest-config.ts";

const share = "/run/nk/share";

const PING = "net.ipv4.ping_group_range";

describe("guestConfig", () => {
  it("keeps only what can mean something in the guest", () => {
    const config = guestConfig(
      {
        ociVersion: "1.2.0",
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
      false,
    );
    expect(config["ociVersion"]).toBe("1.0.2");
    expect(config["process"]).toEqual({ args: ["sh"] });
    expect(config["hooks"]).toEqual({ startContainer: [{ path: "/s" }] });
    expect(config["linux"]).toEqual({
      namespaces: [{ type: "pid" }, { type: "network" }],
      rootfsPropagation: "private",
      cgroupsPath: "/nk/c1",
      resources: { memory: { limit: 1 }, cpu: { quota: 1 }, pids: { limit: 5 } },
      unknownMember: 7,
    });
  });
});

describe("namespaces with a path", () => {
  const config = (namespaces: unknown[]) => guestConfig({ linux: { namespaces } }, "c1", "/share", false);

  it.each(["pid", "ipc", "uts", "mount", "user", "cgroup", "time"])("are refused by name: %s", (type) => {
    const path = `/proc/17/ns/${type}`;
    expect(() => config([{ type: "network" }, { type, path }])).toThrow(
      `linux.namespaces: ${type} has the path ${path}: a container in a VM cannot join`,
    );
  });

  it("are the agent's for the network of a VM that has a card", () => {
    const namespaces = [{ type: "network" }, { type: "cgroup" }];
    const { linux } = guestConfig({ linux: { namespaces } }, "c1", share, true);
    expect(linux).toMatchObject({
      namespaces: [{ type: "network", path: "/proc/1/ns/net" }, { type: "cgroup" }],
    });
  });

  it("are new in the guest where the path is empty or the network's", () => {
    const namespaces = [
      { type: "pid", path: "" },
      { type: "network", path: "/run/netns/x" },
      { type: "uts" },
    ];
    expect(config(namespaces)["linux"]).toMatchObject({
      namespaces: [{ type: "pid" }, { type: "network" }, { type: "uts" }],
    });
  });

  it("are filled in later where they are another container's in the VM", () => {
    const namespaces = [{ type: "ipc", path: "/proc/17/ns/ipc" }, { type: "cgroup" }];
    const { linux } = guestConfig({ linux: { namespaces } }, "c1", share, true, new Set(["ipc"]));
    expect(linux).toMatchObject({ namespaces: [{ type: "ipc" }, { type: "cgroup" }] });
  });
});

it.each([
  ["a user namespace", [{ type: "user" }, { type: "network" }], true, { "net.core.somaxconn": "9" }],
  ["no user namespace", [{ type: "network" }], true, { "net.core.somaxconn": "9", [PING]: "0 0" }],
  [
    "a network of its own",
    [{ type: "user" }, { type: "network" }],
    false,
    { "net.core.somaxconn": "9", [PING]: "0 0" },
  ],
])("lets a guest's network allow echo requests with %s", (_, namespaces, hasNetwork, sysctl) => {
  const linux = { namespaces, sysctl: { "net.core.somaxconn": "9", [PING]: "0 0" } };
  const guest = guestConfig({ linux }, "c1", share, hasNetwork)["linux"] as { sysctl: object };
  expect(guest.sysctl).toEqual(sysctl);
});
