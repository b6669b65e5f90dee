import { describe, expect, it } from "vitest";
import { bindMounts, guestMounts, planMounts } from "./guest-mounts.ts";

describe("planMounts", () => {
  it("tells, in order, binds of the host from places that the guest's kernel covers", () => {
    const mounts = [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "data", type: "bind", source: "/srv/data", options: ["rbind", "rw"] },
      { destination: "/run", type: "tmpfs", options: ["mode=755"] },
      { destination: "/etc/copy", type: "tmpfs", options: ["tmpcopyup"] },
      { destination: "/plain", source: "/srv/plain", options: ["bind"] },
    ];
    expect(planMounts({ mounts })).toEqual([
      { kind: "cover", destination: "/proc", isCopy: false },
      { kind: "bind", source: "/srv/data", destination: "/data", options: ["rbind", "rw"] },
      { kind: "cover", destination: "/run", isCopy: false },
      { kind: "cover", destination: "/etc/copy", isCopy: true },
      { kind: "bind", source: "/srv/plain", destination: "/plain", options: ["bind"] },
    ]);
    expect(bindMounts({ mounts }).map(({ source }) => source)).toEqual(["/srv/data", "/srv/plain"]);
  });

  it("refuses a file system that is neither a folder of the host nor the kernel's own", () => {
    expect(() => planMounts({ mounts: [{ destination: "/n", type: "nfs" }] })).toThrow('type "nfs"');
  });
});

describe("guestMounts", () => {
  it("leaves out what says nothing to a file system of the guest's kernel", () => {
    const mount = { destination: "/t", type: "tmpfs", options: ["silent", "size=1k", "acl", "ro"] };
    expect(guestMounts({ mounts: [mount] }, "/share")).toEqual([{ ...mount, options: ["size=1k", "ro"] }]);
  });

  it("makes every bind a mount of its own, from its volume, with its options and in its turn", () => {
    const mounts = [
      { destination: "/a", type: "bind", source: "/srv/a", options: ["bind", "ro", "noatime"] },
      { destination: "/proc", type: "proc", unknown: 7 },
      { destination: "/a/b", source: "/srv/b", options: ["rbind", "rw", "rslave"] },
      { destination: "/c", source: "/srv/c", type: "bind" },
    ];
    expect(guestMounts({ mounts }, "/run/nk/share")).toEqual([
      { destination: "/a", type: "bind", source: "/run/nk/share/0", options: ["rbind", "ro", "noatime"] },
      { destination: "/proc", type: "proc", unknown: 7 },
      { destination: "/a/b", type: "bind", source: "/run/nk/share/1", options: ["rbind", "rw", "rslave"] },
      { destination: "/c", type: "bind", source: "/run/nk/share/2", options: ["rbind"] },
    ]);
  });

  it("names no source by a path through what the container can change", () => {
    const mounts = [
      { destination: "/srv/nk", type: "bind", source: "/s", options: ["rbind", "nosuid"] },
      { destination: "/../x/../srv", type: "bind", source: "/t", options: ["bind", "ro"] },
    ];
    const sources = guestMounts({ mounts }, "/share").map((mount) => (mount as { source: string }).source);
    expect(sources).toEqual(["/share/0", "/share/1"]);
  });
});
