import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readlinkSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readTar } from "../../src/container-image/tar-reader.ts";
import { TreeWriter, type WriterLimits } from "../../src/container-image/tree-writer.ts";
import {
  digestOf,
  gzipLayer,
  layoutFiles,
  plainLayer,
  writeLayout,
  type TestImage,
  type TestLayer,
} from "../fixtures/container-image.ts";
import { NK_RUNTIME } from "../fixtures/nk-runtime.ts";
import { file, folder, hardLink, link, tar, type TarMember } from "../fixtures/tar.ts";
import { ImageRig, layer } from "./image-rig.ts";

let rig: ImageRig;
beforeEach(async () => {
  rig = await ImageRig.make();
});
afterEach(() => rig.cleanup());

describe("an image that is up to something", () => {
  it.each<[string, () => TestLayer[], RegExp]>([
    ["a path upwards", () => [layer(file("a/../../../canary/file", "evil"))], /leads out of it/],
    ["a hard link upwards", () => [layer(hardLink("a", "../../canary/file"))], /leads out of it/],
    [
      "a hard link by an absolute path",
      () => [layer(hardLink("a", rig.outside("file")))],
      /leads to no file/,
    ],
    [
      "a hard link through a link",
      () => [layer(link("l", join(rig.dir, "canary")), hardLink("a", "l/file"))],
      /leads to no file/,
    ],
    [
      "links in a circle",
      () => [layer(link("a", "b"), link("b", "a"), file("a/x"))],
      /too many symbolic links/,
    ],
    ["a file where a folder must be", () => [layer(file("a"), file("a/x"))], /a file and a folder/],
    ["a root that is a link", () => [layer(link("./", rig.outside("")))], /root of the image is no folder/],
    [
      "an owner that is none",
      () => [layer(file("a", "x", { pax: { uid: "4294967295" } }))],
      /belongs to 4294967295/,
    ],
    ["a whiteout of its folder", () => [layer(file("a/.wh...", ""))], /names no file/],
    ["a kind that is none", () => [layer({ path: "a", type: "Z" })], /unknown kind: "Z"/],
    [
      "a name that is too long",
      () => [layer(file("a", "x", { pax: { path: "n".repeat(300) } }))],
      /too long/,
    ],
    [
      "a path of very many levels",
      () => [layer(file("a", "x", { pax: { path: "x/".repeat(129) } }))],
      /more than 128 levels/,
    ],
    [
      "a link to a place so deep",
      () => [layer(file("a", "", { type: "2", pax: { linkpath: "x/".repeat(1000) } }), file("a/b"))],
      /more than 128 levels/,
    ],
    [
      "a file that is cut off",
      () => [plainLayer(tar([file("a", "x".repeat(2000))]).subarray(0, 1500))],
      /cut off/,
    ],
  ])("%s is refused in one line, and nothing remains", async (_, layers, message) => {
    const before = rig.canary();
    const { code, stdout, stderr } = await rig.unpack(...layers());
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr.trim()).not.toContain("\n");
    expect(existsSync(join(rig.dir, "out"))).toBe(false);
    expect(rig.canary()).toEqual(before);
  });

  it("links out of it lead within it, for whatever is done through them", async () => {
    const there = join(rig.dir, "canary");
    const up = "../../../../../../../../..";
    utimesSync(rig.outside("inner"), 1, 1);
    const before = rig.canary();
    const first = layer(
      link("abs", there),
      link("rel", `${up}${there}`),
      folder("swapped/"),
      folder("swapped/inner/", { mtimeS: 99, pax: { "SCHILY.xattr.user.evil": "1" } }),
      { path: "swapped/device", type: "3", major: 1, minor: 3 },
    );
    const second = layer(
      file("abs/file", "evil"),
      file("rel/more", "evil"),
      file(`${there}/absolute`, "evil"),
      folder("abs/inner/", { mode: 0o777, mtimeS: 5 }),
      { path: "abs/fifo", type: "6", mode: 0o666 },
      file("abs/.wh.file", ""),
      file("rel/.wh..wh..opq", ""),
      folder("swapped/inner/", { mtimeS: 77, mode: 0o777, pax: { "SCHILY.xattr.user.evil": "2" } }),
      { path: "swapped/inner/device", type: "3", major: 1, minor: 3 },
      link("swapped", there),
    );
    expect((await rig.unpack(first, second)).code).toBe(0);
    expect(rig.canary()).toEqual(before);
    expect(readdirSync(rig.rootfs(there)).sort()).toEqual(["absolute", "fifo", "file", "inner", "more"]);
    expect(readlinkSync(rig.rootfs("swapped"))).toBe(there);
  });

  it("its passwd is read within it, and no pipe of it is waited for", async () => {
    writeFileSync(rig.outside("passwd"), "app:x:7:8::/evil:/bin/sh\n");
    const lines = "app:x:1000:100::/home/app:/bin/sh\n";
    const image = (...members: TarMember[]): TestImage => ({
      layers: [layer(...members)],
      config: { Cmd: ["x"], User: "app" },
    });
    const linked = image(link("etc/passwd", `/real${rig.dir}/passwd`), file(`real${rig.dir}/passwd`, lines));
    expect((await rig.unpackImage(linked)).code).toBe(0);
    expect(rig.config().process).toMatchObject({
      user: { uid: 1000, gid: 100 },
      env: expect.arrayContaining(["HOME=/home/app"]) as unknown,
    });
    rmSync(join(rig.dir, "out"), { recursive: true });
    for (const members of [[link("etc/passwd", rig.outside("passwd"))], [{ path: "etc/passwd", type: "6" }]])
      expect((await rig.unpackImage(image(...members))).stderr).toContain(
        "user app is not in its /etc/passwd",
      );
  });

  it("a blob that is not what its digest says is told, and one that is packed to be so", async () => {
    const image: TestImage = { layers: [layer(file("a"))] };
    const files = layoutFiles([image]);
    const [name] = [...files].find(([, bytes]) => bytes === image.layers[0]?.bytes) ?? ["", Buffer.alloc(0)];
    const write = (bytes: Buffer): void => {
      writeLayout(join(rig.dir, "layout"), [image]);
      writeFileSync(join(rig.dir, "layout", name), bytes);
    };
    write(tar([file("a", "b")]));
    const { stderr } = await rig.nk.run(["bundle", join(rig.dir, "layout"), join(rig.dir, "out")]);
    expect(stderr).toMatch(/damaged, or not what it says: expected sha256:.*found sha256:/);
    expect(existsSync(join(rig.dir, "out"))).toBe(false);
    const wrong = gzipSync(tar([file("other")]));
    expect((await rig.unpack({ bytes: wrong, plain: Buffer.from("x") })).stderr).toContain(
      "not what it says",
    );
    const cut = gzipSync(tar([file("other", "y".repeat(5000))])).subarray(0, 60);
    expect((await rig.unpack(plainLayer(cut))).stderr).toContain("cannot be unpacked");
  });

  it("one that comes to more than there is room for is refused, and its room is free again", async () => {
    const script = `mount -t tmpfs -o size=80m none "$2" && "$1" bundle "$3" "$2/out"; code=$?; ls -A "$2"; exit $code`;
    const bomb = gzipSync(tar([{ path: "zeros", data: Buffer.alloc(40 * 1024 * 1024) }]));
    writeLayout(join(rig.dir, "layout"), [{ layers: [gzipLayer(bomb)] }]);
    mkdirSync(join(rig.dir, "small"));
    const args = [
      "--mount",
      "--propagation=private",
      "sh",
      "-c",
      script,
      "sh",
      NK_RUNTIME,
      join(rig.dir, "small"),
      join(rig.dir, "layout"),
    ];
    const { status, stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8" });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/comes to more than the 1\d MiB that there is room for/);
  });

  it("one that would fill the disk with folders or the memory with names is refused before", async () => {
    const add = async (limits: WriterLimits, ...members: TarMember[]): Promise<void> => {
      const root = join(rig.dir, `root-${limits.files}-${limits.rememberedBytes}`);
      mkdirSync(root);
      const writer = new TreeWriter(root, limits);
      for await (const entry of readTar(Readable.from([tar(members)]))) await writer.add(entry);
    };
    const deep = [1, 2, 3].map((n) => file("a", "", { pax: { path: `${n}/a/b/c/d` } }));
    await expect(add({ files: 15, rememberedBytes: 1000 }, ...deep)).resolves.toBeUndefined();
    await expect(add({ files: 14, rememberedBytes: 1000 }, ...deep)).rejects.toThrow(
      "the image has more than 14 files and folders",
    );
    const memory = /more than 0\.\d+ MiB of names and extended attributes/;
    await expect(add({ files: 100, rememberedBytes: 70 }, ...deep)).rejects.toThrow(memory);
    const attributes = file("a", "", { pax: { "SCHILY.xattr.user.a": "x".repeat(1000) } });
    await expect(add({ files: 100, rememberedBytes: 999 }, attributes)).rejects.toThrow(memory);
  });

  it("one in a folder names no file beside it", async () => {
    const secret = tar([file("secret", "of the host")]);
    writeFileSync(rig.outside("host.tar"), secret);
    const layout = join(rig.dir, "layout");
    mkdirSync(layout);
    const config = { os: "linux", architecture: "amd64", rootfs: { diff_ids: [digestOf(secret)] } };
    writeFileSync(join(layout, "config.json"), JSON.stringify(config));
    for (const name of ["../canary/host.tar", "a/../../canary/host.tar"]) {
      const images = [{ Config: "config.json", RepoTags: null, Layers: [name] }];
      writeFileSync(join(layout, "manifest.json"), JSON.stringify(images));
      const { code, stderr } = await rig.nk.run(["bundle", layout, join(rig.dir, "out")]);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringContaining("leads out of it") as unknown,
      });
    }
  });

  it("labels of it are no settings of the host", async () => {
    const Labels = { "org.nano-sandbox.mode": "container", "run.oci.handler": "krun" };
    await rig.unpackImage({
      layers: [layer(file("a"))],
      config: { Cmd: ["x"], Labels, StopSignal: "SIGQUIT" },
    });
    expect(rig.config()).toMatchObject({ annotations: { "org.opencontainers.image.stopSignal": "SIGQUIT" } });
    expect(JSON.stringify(rig.config())).not.toMatch(/nano-sandbox|run\.oci/);
  });
});
