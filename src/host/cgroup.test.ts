import { describe, expect, it } from "vitest";
import { cgroupFolder, listHierarchies } from "./cgroup.ts";

const HYBRID = `30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
32 30 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
`;

describe("listHierarchies", () => {
  it("finds v1 controllers and v2 in a hybrid layout", () => {
    expect(listHierarchies(HYBRID)).toEqual([
      { mountPoint: "/sys/fs/cgroup/unified", controllers: [] },
      { mountPoint: "/sys/fs/cgroup/cpuset", controllers: ["cpuset"] },
      { mountPoint: "/sys/fs/cgroup/cpu,cpuacct", controllers: ["cpu", "cpuacct"] },
    ]);
  });
});

describe("cgroupFolder", () => {
  it.each([
    [undefined, "/nano-sandbox/c1"],
    ["/parent/libpod-1", "/parent/libpod-1"],
    ["relative", "/relative"],
    ["user.slice:libpod:abc", "/user.slice/libpod-abc.scope"],
    ["a-b.slice:cri:x", "/a.slice/a-b.slice/cri-x.scope"],
    [":cri:x", "/cri-x.scope"],
  ])("puts %s at %s", (path, folder) => {
    expect(cgroupFolder(path, "c1")).toBe(folder);
  });

  it("cannot leave the hierarchy", () => {
    expect(cgroupFolder("/../../etc", "c1")).toBe("/etc");
  });
});
