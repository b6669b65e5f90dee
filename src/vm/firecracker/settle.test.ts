import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { closedKvm } from "../accel.ts";
import type { Settled, Wish } from "../driver.ts";
import { wishFor } from "../testing/wish.ts";
import { firecrackerDriver } from "./driver.ts";
import { settle } from "./settle.ts";

/** What stands for an installed program: it is looked for, not run. */
const FOUND = process.execPath;
const NOWHERE = "/nowhere/program";
const HAS_KVM = closedKvm() === undefined;

beforeEach(() => {
  vi.stubEnv("NK_FIRECRACKER", FOUND);
  vi.stubEnv("NK_DIOD", FOUND);
});
afterEach(() => vi.unstubAllEnvs());

describe.runIf(HAS_KVM)("files", () => {
  const disk = { root: "disk", volumes: undefined, server: undefined };
  const both = { root: "disk", volumes: "9p-vsock", server: FOUND };
  const share = { root: "share", volumes: "9p-vsock", server: FOUND };

  test.each<[string, Partial<Wish>, object]>([
    ["auto is a disk", {}, disk],
    ["auto with bind mounts is a disk and a share over vsock", { needsVolumes: true }, both],
    ["a disk is one", { root: "disk" }, disk],
    ["9p goes over vsock", { root: "share", volumes: "9p" }, share],
    ["9p-vsock does", { root: "share", volumes: "9p-vsock" }, share],
    ["a VM for many has a share", { root: "share", needsVolumes: true }, share],
  ])("%s", async (_, wish, expected) => {
    const { shape } = (await settle(wishFor(wish))) as Settled;
    const { root, volumes, server } = shape;
    expect({ root, volumes, server }).toEqual(expected);
  });

  test("what was chosen has a reason, what was asked for needs none", async () => {
    const { reasons } = (await settle(wishFor({ needsVolumes: true }))) as Settled;
    const why = "Firecracker has no device for a shared folder";
    expect(reasons).toMatchObject({
      root: `the root file system is a disk: ${why}`,
      volumes: `9p-vsock: ${why}`,
    });
    const asked = (await settle(wishFor({ root: "share", volumes: "9p-vsock" }))) as Settled;
    expect(asked.reasons.root ?? asked.reasons.volumes).toBeUndefined();
    expect(asked.reasons.accel).toBe("Firecracker always uses KVM");
  });

  test("the guest's kernel needs vsock, and the driver of the share", async () => {
    const keys = async (wish: Partial<Wish>): Promise<string[]> => {
      const { shape } = (await settle(wishFor(wish))) as Settled;
      return [...firecrackerDriver.kernelNeeds(shape).keys()].toSorted();
    };
    expect(await keys({})).toEqual(["vsock"]);
    expect(await keys({ needsVolumes: true })).toEqual(["9p-vsock", "vsock"]);
  });
});

test.runIf(HAS_KVM)("a card is a tap with one queue, whatever there is of CPUs", async () => {
  const { shape } = (await settle(wishFor({ card: "tap", vcpus: 4 }))) as Settled;
  expect(shape.card).toEqual({ backend: "tap", queues: 1, isVhost: false });
  expect(((await settle(wishFor())) as Settled).shape).not.toHaveProperty("card");
});

test.each<[string, Partial<Wish>, string, string]>([
  [
    "software emulation",
    { accel: "tcg" },
    "software emulation was asked for, and Firecracker needs KVM",
    "--vm-accel=auto",
  ],
  [
    "virtiofs",
    { root: "share", volumes: "virtiofs" },
    "Firecracker has no virtiofs",
    "--vm-share=auto, 9p or block",
  ],
  ["a user network", { card: "user" }, "Firecracker has no network in a program", "--vm-net=tap"],
])("%s is refused, before anything is looked for", async (_, wish, refused, mend) => {
  const image = (): never => expect.fail("the image was looked for");
  expect(await settle(wishFor({ ...wish, image }))).toMatchObject({
    refused,
    error: {
      code: "UNSUPPORTED",
      message: `Firecracker was asked for, but ${refused}: use --vm-vmm=qemu, or ${mend}`,
    },
  });
});

test.each<[Partial<Wish>, RegExp]>([
  [{ root: "share" }, /^the share 9p-vsock needs diod, and none was found/],
  [{ needsVolumes: true }, /^with --vm-share=block bind mounts .*: the share 9p-vsock needs diod/],
])("folders without diod are refused: %j", async (wish, message) => {
  vi.stubEnv("NK_DIOD", NOWHERE);
  expect(await settle(wishFor(wish))).toMatchObject({
    refused: expect.stringContaining("need diod with Firecracker, which is not installed") as unknown,
    error: {
      code: "UNSUPPORTED",
      phase: "choose the share",
      message: expect.stringMatching(message) as unknown,
    },
  });
});

test("no Firecracker is a refusal, another program by its name a mistake", async () => {
  vi.stubEnv("NK_FIRECRACKER", NOWHERE);
  await expect(settle(wishFor())).rejects.toMatchObject({ code: "UNSUPPORTED" });
});

test.runIf(HAS_KVM)("a jail that cannot be had is a mistake where it was demanded", async () => {
  vi.stubEnv("NK_JAILER", NOWHERE);
  await expect(settle(wishFor({ jailer: "on" }))).rejects.toMatchObject({ code: "UNSUPPORTED" });
});
