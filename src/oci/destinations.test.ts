import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Bundle } from "./bundle.ts";
import { withResolvedDestinations } from "./destinations.ts";

let folder: string;
let rootfs: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nk-places-"));
  rootfs = join(folder, "rootfs");
  for (const name of ["rootfs/etc", "rootfs/var", "rootfs/run", "volume/real"])
    mkdirSync(join(folder, name), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const links = (all: Record<string, string>): void => {
  for (const [name, target] of Object.entries(all)) symlinkSync(target, join(folder, name));
};

const bind = (destination: string, source = "volume") => ({ destination, source, type: "bind", kept: 7 });
const tmpfs = (destination: string, ...options: string[]) => ({ destination, type: "tmpfs", options });

function places(...mounts: object[]): unknown[] {
  const bundle = { raw: { mounts, other: 1 }, rootfs, path: folder } as unknown as Bundle;
  const resolved = withResolvedDestinations(bundle) as { mounts: { destination: string }[] };
  return resolved.mounts.map(({ destination }) => destination);
}

describe("a destination", () => {
  it("without links is left, and so is everything else of config.json", () => {
    const mounts = [bind("/a/b"), bind("relative//x/./y"), bind("/../../up")];
    const bundle = { raw: { mounts, other: 1 }, rootfs, path: folder } as unknown as Bundle;
    expect(withResolvedDestinations(bundle)).toEqual({
      mounts: [bind("/a/b"), bind("/relative/x/y"), bind("/up")],
      other: 1,
    });
    expect(readdirSync(rootfs)).toEqual(["etc", "run", "var"]);
  });

  it("is followed through links, dangling ones too, and never leaves the root", () => {
    links({
      "rootfs/var/run": "/run",
      "rootfs/var/lib": "../not/there",
      "rootfs/etc/zone": "/usr/zone/There",
      "rootfs/srv": "/etc",
      "rootfs/up": "../../../../run/nk",
      "rootfs/twice": "var/run/./../run",
      "rootfs/aside": "var/run",
    });
    expect(
      places(
        bind("/var/run/x"),
        bind("/var/lib/y"),
        bind("/etc/zone"),
        bind("/srv/zone/z"),
        bind("/up"),
        bind("/twice/w"),
        bind("/aside/../v"),
      ),
    ).toEqual(["/run/x", "/not/there/y", "/usr/zone/There", "/usr/zone/There/z", "/run/nk", "/run/w", "/v"]);
  });

  it("is looked up in what is mounted by then", () => {
    links({
      "rootfs/run/covered": "/etc",
      "rootfs/var/run": "/run",
      "rootfs/data": "/var",
      "volume/link": "real",
      "volume/out": "/run/covered",
    });
    expect(
      places(
        bind("/run/covered/before"),
        bind("/mnt"),
        bind("/mnt/link/x"),
        bind("/mnt/out/y"),
        tmpfs("/var/run"),
        bind("/run/covered/after"),
        bind("/mnt/out/z"),
        bind("/data/w"),
        tmpfs("/var"),
        bind("/data/run/v"),
      ),
    ).toEqual([
      "/etc/before",
      "/mnt",
      "/mnt/real/x",
      "/etc/y",
      "/run",
      "/run/covered/after",
      "/run/covered/z",
      "/var/w",
      "/var",
      "/var/run/v",
    ]);
  });

  it("is looked up in the root file system below a tmpfs that begins as a copy of it", () => {
    links({ "rootfs/run/lock": "/etc" });
    expect(places(tmpfs("/run", "tmpcopyup"), bind("/run/lock/x"))).toEqual(["/run", "/etc/x"]);
  });

  it.each(["proc", "sysfs"])("of %s must have no link", (type) => {
    links({ "rootfs/there": "/symlink" });
    const words = `filesystem "${type}" must be mounted on ordinary directory, found a link that leads to /symlink`;
    expect(() => places({ destination: "/there", type, options: [] })).toThrow(words);
    expect(places({ destination: "/etc/../not/yet/", type, options: [] })).toEqual(["/not/yet"]);
  });

  it("must be a place, and below the root", () => {
    links({ "rootfs/loop": "loop/x", "rootfs/self": "." });
    expect(() => places(bind("/loop"))).toThrow(
      "mount /loop: expected a path, found a chain of links without an end",
    );
    for (const destination of ["/", "/self", "/etc/.."])
      expect(() => places(bind(destination))).toThrow(
        "expected a place below the root file system, found the root",
      );
  });
});
