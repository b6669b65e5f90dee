import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Settled, Wish } from "../driver.ts";
import { imageWith, wishFor } from "../testing/wish.ts";
import { qemuDriver } from "./driver.ts";
import { settle } from "./settle.ts";

/** What stands for an installed program: it is looked for, not run. */
const FOUND = process.execPath;
const NOWHERE = "/nowhere/program";
const DISTRO = ["virtiofs"] as const;
const OURS = ["virtiofs", "9p", "9p-vsock"] as const;

beforeEach(() => {
  vi.stubEnv("NK_QEMU", FOUND);
  vi.stubEnv("NK_VIRTIOFSD", FOUND);
  vi.stubEnv("NK_DIOD", FOUND);
});
afterEach(() => vi.unstubAllEnvs());

const tcg = (changes: Partial<Wish>, shares: typeof OURS | typeof DISTRO | []): Wish =>
  wishFor({ accel: "tcg", ...changes }, shares);

describe("files", () => {
  test.each<[string, Partial<Wish>, typeof OURS | typeof DISTRO, string, object]>([
    ["auto, with a server", {}, DISTRO, FOUND, { root: "share", volumes: "virtiofs", server: FOUND }],
    ["auto, without one", {}, OURS, NOWHERE, { root: "share", volumes: "9p" }],
    ["auto, with nothing", {}, DISTRO, NOWHERE, { root: "disk" }],
    ["a share", { root: "share", volumes: "9p" }, OURS, FOUND, { root: "share", volumes: "9p" }],
    ["a disk", { root: "disk" }, DISTRO, NOWHERE, { root: "disk" }],
    [
      "a disk and bind mounts",
      { root: "disk", needsVolumes: true },
      OURS,
      FOUND,
      { root: "disk", volumes: "virtiofs", server: FOUND },
    ],
  ])("%s", async (_, wish, shares, virtiofsd, expected) => {
    vi.stubEnv("NK_VIRTIOFSD", virtiofsd);
    const { shape } = (await settle(tcg(wish, shares))) as Settled;
    const { root, volumes, server } = shape;
    expect({ root, volumes, server }).toEqual({ volumes: undefined, server: undefined, ...expected });
  });

  test("a disk that auto has come to is told, with its reason", async () => {
    vi.stubEnv("NK_VIRTIOFSD", NOWHERE);
    const { notice, reasons } = (await settle(tcg({}, DISTRO))) as Settled;
    expect(notice).toMatch(/^this host has no virtiofsd, .* no 9p: the root file system is a disk/);
    expect(reasons.root).toMatch(/^the root file system is a disk: this host has no virtiofsd/);
    const asked = (await settle(tcg({ root: "disk" }, DISTRO))) as Settled;
    expect(asked.notice ?? asked.reasons.root).toBeUndefined();
  });

  test("what was chosen has a reason, what was asked for needs none", async () => {
    const { reasons } = (await settle(tcg({}, OURS))) as Settled;
    expect(reasons.volumes).toBe("virtiofs: sockets, fifos and devices work on it");
    const asked = (await settle(tcg({ root: "share", volumes: "9p" }, OURS))) as Settled;
    expect(asked.reasons.volumes).toBeUndefined();
  });

  test.each<[string, Partial<Wish>, RegExp]>([
    [
      "live folders for auto",
      { needsVolumes: true },
      /^bind mounts .* need a share, but .*install virtiofsd/,
    ],
    ["virtiofs", { root: "share", volumes: "virtiofs" }, /^the share virtiofs needs virtiofsd/],
    [
      "live folders beside a disk",
      { root: "disk", needsVolumes: true },
      /^with --vm-share=block bind mounts .*: the share virtiofs needs virtiofsd/,
    ],
  ])("%s, which cannot be had, are refused", async (_, wish, message) => {
    vi.stubEnv("NK_VIRTIOFSD", NOWHERE);
    expect(await settle(tcg(wish, DISTRO))).toMatchObject({
      refused: expect.stringMatching(message) as unknown,
      error: { code: "UNSUPPORTED", phase: "choose the share" },
    });
  });
});

test("all that was asked for is in the shape, with the program that was found", async () => {
  const wish = tcg({ vcpus: 3, memSizeMib: 300, debug: true }, OURS);
  const { shape, reasons } = (await settle(wish)) as Settled;
  expect(shape).toMatchObject({
    vmm: "qemu",
    program: FOUND,
    vcpus: 3,
    memSizeMib: 300,
    debug: true,
    accel: "tcg",
  });
  expect({ kernel: shape.kernel, initrd: shape.initrd }).toEqual(imageWith(OURS));
  expect(reasons.accel).toBe("software emulation was asked for");
  expect(JSON.parse(JSON.stringify(shape))).toEqual(shape);
});

test("debuggers get a VM of another shape", async () => {
  expect(((await settle(tcg({}, OURS))) as Settled).shape.isUnlocked).toBeUndefined();
  expect(((await settle(tcg({ confine: "off" }, OURS))) as Settled).shape.isUnlocked).toBe(true);
});

test("no QEMU is a refusal, no image an error", async () => {
  const image = (): never => {
    throw new Error("there is none");
  };
  await expect(settle(wishFor({ image }))).rejects.toThrow("there is none");
  vi.stubEnv("NK_QEMU", NOWHERE);
  expect(await settle(wishFor())).toMatchObject({ error: { code: "UNSUPPORTED", phase: "find the VMM" } });
});

test("the guest's kernel needs the driver of the share, for whatever asks for it", async () => {
  const needs = async (wish: Partial<Wish>): Promise<object> =>
    Object.fromEntries(qemuDriver.kernelNeeds(((await settle(tcg(wish, OURS))) as Settled).shape));
  expect(await needs({ root: "share", volumes: "9p" })).toEqual({ "9p": "--vm-share=9p" });
  expect(await needs({ root: "disk" })).toEqual({});
  expect(await needs({ root: "disk", needsVolumes: true })).toEqual({
    virtiofs: expect.stringContaining("bind mounts") as unknown,
  });
});
