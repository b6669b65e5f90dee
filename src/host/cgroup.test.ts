import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mountTable } from "./mount-table.ts";
import { cgroupFolder, listHierarchies, makeCgroup, planCgroup, type Hierarchy } from "./cgroup.ts";

const HYBRID = `30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
32 30 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
`;

describe("listHierarchies", () => {
  it("finds v1 controllers and v2 in a hybrid layout", () => {
    expect(listHierarchies(mountTable(HYBRID))).toEqual([
      { mountPoint: "/sys/fs/cgroup/unified", version: 2, controllers: [] },
      { mountPoint: "/sys/fs/cgroup/cpuset", version: 1, controllers: ["cpuset"] },
      { mountPoint: "/sys/fs/cgroup/cpu,cpuacct", version: 1, controllers: ["cpu", "cpuacct"] },
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

describe("planCgroup", () => {
  let dir: string;
  let hierarchies: Hierarchy[];
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "nk-cgroup-"));
    hierarchies = ["cpu", "memory"].map((name) => ({
      mountPoint: join(dir, name),
      version: 1,
      controllers: [name],
    }));
    for (const { mountPoint } of hierarchies) mkdirSync(mountPoint);
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const exists = (path: string, pids = ""): void => {
    mkdirSync(join(dir, path), { recursive: true });
    writeFileSync(join(dir, path, "cgroup.procs"), pids);
  };

  it("keeps what will be made and what is there apart", () => {
    exists("cpu/a/c1");
    const folders = planCgroup("/a/c1", hierarchies);
    expect(folders).toEqual({ made: [join(dir, "memory/a/c1")], joined: [join(dir, "cpu/a/c1")] });
    expect(existsSync(join(dir, "memory/a"))).toBe(false);
    expect(makeCgroup(folders, hierarchies)).toEqual([join(dir, "cpu/a/c1/cgroup.procs")]);
    expect(existsSync(join(dir, "memory/a/c1"))).toBe(true);
  });

  it.each(["cpu/a/c1", "cpu/a/c1/below"])("refuses one with a process in %s, in runc's words", (path) => {
    exists("cpu/a/c1");
    exists(path, "17\n23\n");
    expect(() => planCgroup("/a/c1", hierarchies)).toThrow(
      /^container's cgroup is not empty: 2 process\(es\) found in .*cpu\/a\/c1: correct linux\.cgroupsPath/,
    );
  });

  it.each([
    ["freezer.state", "FROZEN\n", "THAWED\n"],
    ["cgroup.freeze", "1\n", "0\n"],
  ])("refuses a frozen one, by %s, in runc's words", (file, frozen, thawed) => {
    exists("cpu/a/c1");
    writeFileSync(join(dir, "cpu/a/c1", file), frozen);
    expect(() => planCgroup("/a/c1", hierarchies)).toThrow(
      /^container's cgroup unexpectedly frozen: .*cpu\/a\/c1: thaw it/,
    );
    writeFileSync(join(dir, "cpu/a/c1", file), thawed);
    expect(planCgroup("/a/c1", hierarchies).joined).toEqual([join(dir, "cpu/a/c1")]);
  });
});
