import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  digestOf,
  dockerArchive,
  gzipLayer,
  layoutFiles,
  ociArchive,
  plainLayer,
  writeLayout,
  type TestImage,
  type TestLayer,
} from "../fixtures/container-image.ts";
import { file, folder, hardLink, link, tar } from "../fixtures/tar.ts";
import { ImageRig, layer } from "./image-rig.ts";

let rig: ImageRig;
beforeEach(async () => {
  rig = await ImageRig.make();
});
afterEach(() => rig.cleanup());

async function unpacked(...layers: TestLayer[]): Promise<void> {
  expect(await rig.unpack(...layers)).toMatchObject({ code: 0, stderr: "" });
}

it("unpacks into the folder it has made, whatever somebody puts into its place meanwhile", async () => {
  const [out, away, foreign] = ["out", "away", "foreign"].map((name) => join(rig.dir, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(join(foreign, "rootfs"), { recursive: true });
  writeFileSync(join(foreign, "file"), "");
  const attack = `1 until -e "$ARGV[0]/rootfs/f0"; rename $ARGV[0], $ARGV[1] and symlink $ARGV[2], $ARGV[0]`;
  const attacked = once(spawn("perl", ["-e", attack, out, away, foreign]), "close");
  const files = Array.from({ length: 1000 }, (_, n) => file(`f${n}`));
  const { code } = await rig.unpack(layer(...files));
  await attacked;
  expect({ code, foreign: readdirSync(foreign), rootfs: readdirSync(join(foreign, "rootfs")) }).toEqual({
    code: 0,
    foreign: ["file", "rootfs"],
    rootfs: [],
  });
  expect(readdirSync(join(away, "rootfs")).length).toBe(1000);
});

describe("kinds of images", () => {
  const image: TestImage = {
    layers: [layer(folder("etc/"), file("etc/one")), gzipLayer(gzipSync(tar([file("two")])))],
    config: { Entrypoint: ["/bin/x"], Cmd: ["-y"], Env: ["A=1"], WorkingDir: "/w/d" },
    name: "box:1",
  };
  const other: TestImage = { layers: [layer(file("three"))], name: "other:2" };

  it.each<[string, (path: string, images: TestImage[]) => void]>([
    ["an OCI layout", writeLayout],
    ["an OCI archive", (path, images) => writeFileSync(path, ociArchive(images))],
    ["a docker archive", (path, images) => writeFileSync(path, dockerArchive(images))],
  ])("unpacks %s, and the one of several that is named", async (_, write) => {
    const path = join(rig.dir, "image:1.0");
    write(path, [image]);
    const out = join(rig.dir, "out");
    expect(await rig.nk.run(["bundle", path, out])).toEqual({
      code: 0,
      signal: null,
      stdout: `${out}\n`,
      stderr: "",
    });
    expect([rig.content("etc/one"), rig.content("two")]).toEqual(["etc/one", "two"]);
    expect(rig.config()).toMatchObject({
      hostname: "out",
      process: { args: ["/bin/x", "-y"], cwd: "/w/d", terminal: false, user: { uid: 0, gid: 0 } },
    });
    expect(rig.config().process["env"]).toContain("A=1");
    expect(statSync(rig.rootfs("w/d")).isDirectory()).toBe(true);
    expect(statSync(out).mode & 0o777).toBe(0o700);

    const several = join(rig.dir, "several");
    write(several, [image, other]);
    const unclear = await rig.nk.run(["bundle", several, join(rig.dir, "second")]);
    expect(unclear.stderr).toContain("the archive has box:1, other:2: name one: FILE:NAME");
    expect((await rig.nk.run(["bundle", `${several}:other:2`, join(rig.dir, "second")])).code).toBe(0);
    expect(readdirSync(join(rig.dir, "second/rootfs"))).toEqual(["three"]);
  });

  it("unpacks layers that zstd has packed", async () => {
    const plain = tar([file("a", "z".repeat(100_000))]);
    await unpacked({ plain, bytes: execFileSync("zstd", ["-c"], { input: plain }) });
    expect(rig.content("a")).toBe("z".repeat(100_000));
  });

  it("takes links for layers that are the same, as docker's older archives have", async () => {
    const one = tar([file("a")]);
    const document = {
      os: "linux",
      architecture: "amd64",
      config: { Cmd: ["x"] },
      rootfs: { diff_ids: [digestOf(one), digestOf(one)] },
    };
    const archive = tar([
      { path: "c.json", data: JSON.stringify(document) },
      { path: "1/layer.tar", data: one },
      { path: "2/layer.tar", type: "2", linkPath: "../1/layer.tar" },
      {
        path: "manifest.json",
        data: JSON.stringify([{ Config: "c.json", Layers: ["1/layer.tar", "2/layer.tar"] }]),
      },
    ]);
    writeFileSync(join(rig.dir, "d.tar"), archive);
    expect((await rig.nk.run(["bundle", join(rig.dir, "d.tar"), join(rig.dir, "out")])).code).toBe(0);
    expect(rig.content("a")).toBe("a");
  });

  it("takes the manifest for this machine out of an index", async () => {
    const files = layoutFiles([image]);
    const [manifest] = (JSON.parse(files.get("index.json")?.toString() ?? "") as { manifests: object[] })
      .manifests;
    const inner = Buffer.from(
      JSON.stringify({
        manifests: [
          { digest: `sha256:${"0".repeat(64)}`, platform: { os: "linux", architecture: "arm64" } },
          { ...manifest, platform: { os: "linux", architecture: "amd64" } },
        ],
      }),
    );
    files.set(`blobs/${digestOf(inner).replace(":", "/")}`, inner);
    files.set("index.json", Buffer.from(JSON.stringify({ manifests: [{ digest: digestOf(inner) }] })));
    writeFileSync(join(rig.dir, "i.tar"), tar([...files].map(([path, data]) => ({ path, data }))));
    expect((await rig.nk.run(["bundle", join(rig.dir, "i.tar"), join(rig.dir, "out")])).code).toBe(0);
    expect(rig.content("two")).toBe("two");
  });
});

describe("layers", () => {
  it("keeps owners, modes, times, kinds, hard links and attributes", async () => {
    const capability = Buffer.from("0100000200040000000000000000000000000000", "hex");
    await unpacked(
      layer(
        folder("d/", { mode: 0o1777, uid: 3, gid: 4, mtimeS: 1234 }),
        file("d/setuid", "x", { mode: 0o4755, uid: 1000, gid: 2000, mtimeS: 5678 }),
        hardLink("d/same", "d/setuid"),
        link("l", "/d/setuid"),
        { path: "fifo", type: "6", mode: 0o640, uid: 7 },
        { path: "null", type: "3", mode: 0o666, major: 1, minor: 3 },
        file("capable", "x", {
          pax: { "SCHILY.xattr.security.capability": capability, "SCHILY.xattr.trusted.overlay.opaque": "y" },
        }),
      ),
    );
    expect(statSync(rig.rootfs("d"))).toMatchObject({ uid: 3, gid: 4, mtimeMs: 1_234_000 });
    expect(statSync(rig.rootfs("d")).mode & 0o7777).toBe(0o1777);
    expect(statSync(rig.rootfs("d/setuid"))).toMatchObject({
      uid: 1000,
      gid: 2000,
      mtimeMs: 5_678_000,
      nlink: 2,
    });
    expect(statSync(rig.rootfs("d/setuid")).mode & 0o7777).toBe(0o4755);
    expect(statSync(rig.rootfs("d/same")).ino).toBe(statSync(rig.rootfs("d/setuid")).ino);
    expect(readlinkSync(rig.rootfs("l"))).toBe("/d/setuid");
    expect(lstatSync(rig.rootfs("fifo"))).toMatchObject({ uid: 7 });
    expect(lstatSync(rig.rootfs("fifo")).isFIFO()).toBe(true);
    expect(lstatSync(rig.rootfs("null")).rdev).toBe(0x103);
    expect(execFileSync("getcap", [rig.rootfs("capable")], { encoding: "utf8" })).toContain(
      "cap_net_bind_service",
    );
    const names = execFileSync("getfattr", ["-d", "-m", "-", rig.rootfs("capable")], { encoding: "utf8" });
    expect(names).not.toContain("trusted.");
  });

  it("takes names of any bytes", async () => {
    await unpacked(layer(file("caf\u00e9"), folder("\u00ff\u00fe/"), file("\u00ff\u00fe/x")));
    const names = readdirSync(rig.rootfs(), "latin1");
    expect(names.sort()).toEqual(["caf\u00e9", "\u00ff\u00fe"].sort());
  });

  it("lets later layers replace, remove and empty, and add to folders behind links", async () => {
    await unpacked(
      layer(
        folder("usr/"),
        folder("usr/lib/"),
        file("usr/lib/old"),
        link("lib", "usr/lib"),
        file("gone"),
        folder("emptied/"),
        file("emptied/a"),
        folder("emptied/deep/"),
        file("emptied/deep/b"),
        folder("was-folder/"),
        file("was-folder/x"),
        file("was-file"),
      ),
      layer(
        file("lib/new"),
        file(".wh.gone", ""),
        file("emptied/deep/mine"),
        file("emptied/.wh..wh..opq", ""),
        file("emptied/c"),
        file("was-folder"),
        folder("was-file/"),
        file("was-file/y"),
        file("not-there/.wh.nothing", ""),
      ),
    );
    expect(readdirSync(rig.rootfs("usr/lib")).sort()).toEqual(["new", "old"]);
    expect(lstatSync(rig.rootfs("lib")).isSymbolicLink()).toBe(true);
    expect(existsSync(rig.rootfs("gone"))).toBe(false);
    expect(readdirSync(rig.rootfs("emptied")).sort()).toEqual(["c", "deep"]);
    expect(readdirSync(rig.rootfs("emptied/deep"))).toEqual(["mine"]);
    expect(statSync(rig.rootfs("was-folder")).isFile()).toBe(true);
    expect(rig.content("was-file/y")).toBe("was-file/y");
  });

  it("a whiteout is about lower layers, wherever it stands", async () => {
    await unpacked(
      layer(folder("d/"), file("d/lower"), file("x", "lower")),
      layer(folder("d/"), file("d/upper"), file(".wh.d", ""), file("x", "upper"), file(".wh.x", "")),
    );
    expect(readdirSync(rig.rootfs("d"))).toEqual(["upper"]);
    expect(rig.content("x")).toBe("upper");
  });
});

describe("what is told of an image that cannot be had", () => {
  it.each<[string, TestImage, RegExp]>([
    [
      "another machine's",
      { layers: [], document: { architecture: "arm64" } },
      /is for linux\/arm64: expected linux\/amd64/,
    ],
    ["one without a command", { layers: [], config: {} }, /no command of its own/],
    [
      "a user that is not in it",
      { layers: [], config: { Cmd: ["x"], User: "who" } },
      /user who is not in its \/etc\/passwd/,
    ],
    [
      "a command that is none",
      { layers: [], config: { Cmd: "x" } },
      /Cmd of the image's configuration: expected a list/,
    ],
    [
      "layers that its configuration lacks",
      { layers: [layer(file("a"))], document: { rootfs: {} } },
      /1 layers, and its configuration 0/,
    ],
    [
      "one that is packed by xz",
      { layers: [plainLayer(Buffer.from("fd377a585a0000", "hex"))] },
      /packed by xz: expected gzip, zstd/,
    ],
  ])("%s", async (_, image, message) => {
    const { code, stderr } = await rig.unpackImage(image);
    expect({ code, isThere: existsSync(join(rig.dir, "out")) }).toEqual({ code: 1, isThere: false });
    expect(stderr).toMatch(message);
  });

  it("no file, another file, a folder that is taken", async () => {
    const bundle = async (image: string, out = "out"): Promise<string> =>
      (await rig.nk.run(["bundle", join(rig.dir, image), join(rig.dir, out)])).stderr;
    expect(await bundle("nothing")).toMatch(/no image file .*skopeo copy docker:\/\/NAME oci-archive:FILE/);
    expect(await bundle("canary/file")).toMatch(/no archive of an image/);
    expect(await bundle("canary")).toMatch(/neither manifest\.json/);
    writeFileSync(join(rig.dir, "a.tar.gz"), gzipSync("x"));
    expect(await bundle("a.tar.gz")).toContain("gunzip -dk");
    writeLayout(join(rig.dir, "layout"), [{ layers: [] }]);
    expect(await bundle("layout", "canary")).toContain("is not empty: name a new folder");
    expect(readFileSync(join(rig.dir, "canary/file"), "utf8")).toBe("untouched");
  });
});
