import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Bundle } from "../oci/bundle.ts";
import { withSubmounts } from "./submounts.ts";

let folder: string;
let source: string;

const mount = (...args: string[]): void => void execFileSync("mount", args);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nk-submounts-"));
  source = join(folder, "source");
  mkdirSync(join(source, "a b/deep"), { recursive: true });
  writeFileSync(join(source, "file"), "");
  mount("-t", "tmpfs", "-o", "nosuid", "tmpfs", join(source, "a b"));
  mkdirSync(join(source, "a b/deep"));
  mount("-t", "tmpfs", "-o", "ro,noexec", "tmpfs", join(source, "a b/deep"));
  mount("--bind", join(source, "file"), join(source, "file"));
});
afterEach(() => {
  execFileSync("umount", ["-R", join(source, "a b"), join(source, "file")]);
  rmSync(folder, { recursive: true });
});

function below(from: string, ...options: string[]): unknown[] {
  const raw = {
    mounts: [
      { destination: "/data", source: from, type: "bind", options },
      { destination: "/x", type: "tmpfs" },
    ],
  };
  const mounts = withSubmounts({ raw, path: folder } as unknown as Bundle)["mounts"] as unknown[];
  expect(mounts[0]).toBe(raw.mounts[0]);
  expect(mounts.at(-1)).toBe(raw.mounts[1]);
  return mounts.slice(1, -1);
}

const bind = (destination: string, ...options: string[]) => ({
  destination,
  type: "bind",
  source: destination.replace("/data", source),
  options: ["rbind", ...options],
});

it("are mounts of their own, with their own flags and what the bind says of all", () => {
  const found = [bind("/data/a b", "nosuid"), bind("/data/a b/deep", "ro", "noexec"), bind("/data/file")];
  expect(below("source", "rbind", "ro")).toEqual(found);
  symlinkSync("source", join(folder, "link"));
  expect(below("link", "ro", "rbind")).toEqual(found);
  const all = found.map((one) => ({ ...one, options: [...one.options, "rprivate", "rro"] }));
  expect(below(source, "rbind", "rprivate", "ro", "rro")).toEqual(all);
});

it("are none of a bind that is not recursive, or follows the host's mounts", () => {
  for (const options of [["bind"], ["rbind", "rslave"], ["rbind", "ro", "shared"]])
    expect(below(source, ...options)).toEqual([]);
  expect(below("/no/such/folder", "rbind")).toEqual([]);
});

it("are none that another covers, or that keep no files", () => {
  const covered = join(source, "covered");
  mkdirSync(join(covered, "below"), { recursive: true });
  mount("-t", "tmpfs", "tmpfs", join(covered, "below"));
  mount("-t", "proc", "proc", covered);
  try {
    expect(below(covered, "rbind")).toEqual([]);
    expect(below(source, "rbind")).toHaveLength(3);
  } finally {
    execFileSync("umount", [covered]);
    execFileSync("umount", [join(covered, "below")]);
  }
});

it("are none where they are too many", () => {
  const many = join(folder, "many");
  const paths = Array.from({ length: 65 }, (_, index) => join(many, String(index)));
  for (const path of paths) {
    mkdirSync(path, { recursive: true });
    mount("--bind", source, path);
  }
  expect(below(many, "rbind")).toEqual([]);
  execFileSync("umount", [paths[0] ?? ""]);
  expect(below(many, "rbind")).toHaveLength(64);
  execFileSync("umount", paths.slice(1));
});
