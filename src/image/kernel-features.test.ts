import { describe, expect, it } from "vitest";
import { parseKernelConfig } from "./kernel-config.ts";
import { describeLack, FEATURE_NAMES, lacksOf } from "./kernel-features.ts";
import type { ModuleTree } from "./modules.ts";

function tree(files: string[], builtin: string[] = []): ModuleTree {
  return {
    dir: "/m",
    files: new Map(files.map((name) => [name, `${name}.ko`])),
    dependencies: new Map(),
    builtin: new Set(builtin),
  };
}

const NOTHING = { config: undefined, modules: undefined, words: undefined };
const names = (facts: Partial<Parameters<typeof lacksOf>[0]>): string[] =>
  lacksOf({ ...NOTHING, ...facts }).map(({ feature }) => feature);

describe("lacksOf", () => {
  it("says nothing about what cannot be known", () => {
    expect(names({})).toEqual([]);
    const found = names({ modules: tree(["virtiofs"]) });
    expect(found).toContain("erofs");
    expect(found).not.toContain("virtiofs");
    // Namespaces and controllers are no modules: only a configuration tells.
    expect(found).not.toContain("user-ns");
    expect(found).not.toContain("memory");
  });

  it("believes a configuration, but for modules that are not there", () => {
    const config = parseKernelConfig("CONFIG_VIRTIO_FS=m\nCONFIG_EROFS_FS=y\n# CONFIG_USER_NS is not set\n");
    const lacks = lacksOf({ ...NOTHING, config, words: new Set(["virtiofs"]) });
    const lack = (feature: string) => lacks.find((one) => one.feature === feature);
    expect(lack("erofs")).toBeUndefined();
    expect(lack("user-ns")?.options).toEqual(["CONFIG_USER_NS"]);
    expect(lack("9p")?.options).toEqual(["CONFIG_NET_9P_VIRTIO", "CONFIG_9P_FS"]);
    expect(lack("virtiofs")).toEqual({
      feature: "virtiofs",
      options: ["CONFIG_VIRTIO_FS"],
      onlyModuleMissing: true,
    });
    expect(names({ config, modules: tree(["virtiofs"]) })).not.toContain("virtiofs");
  });

  it("says what is missing for containers inside of a container", () => {
    const config = parseKernelConfig("CONFIG_VETH=m\nCONFIG_BRIDGE=y\n");
    const lacks = lacksOf({ ...NOTHING, config, modules: tree([], ["bridge"]) }).map(describeLack);
    expect(lacks).toContain(
      "cannot connect containers inside of a container (CONFIG_VETH=m, and the module is not there)",
    );
    expect(lacks.join()).toMatch(
      /cannot filter and translate their packets \(CONFIG_NF_TABLES, CONFIG_NFT_NAT, /,
    );
    expect(names({ config, modules: tree(["veth", "bridge"]) })).not.toContain("veth");
  });

  it("needs every module of a feature", () => {
    expect(names({ modules: tree(["9pnet_virtio"]) })).toContain("9p");
    expect(names({ modules: tree(["9pnet_virtio"], ["9p"]) })).not.toContain("9p");
  });

  it("takes a vmlinux without the name of a driver for one without the driver", () => {
    const found = names({ words: new Set(["virtio-mmio", "virtiofs"]) });
    expect(found).toContain("virtio-console");
    expect(found).not.toContain("virtio-mmio");
  });

  it("finds nothing lacking where everything is set", () => {
    const all = lacksOf({ ...NOTHING, config: new Map() }).flatMap(({ options }) => options);
    const config = parseKernelConfig(all.map((option) => `${option}=y\n`).join(""));
    expect(names({ config: new Map() })).toEqual(FEATURE_NAMES);
    expect(names({ config })).toEqual([]);
  });
});

it("describeLack names the option, and a module that is missing", () => {
  const options = ["CONFIG_EROFS_FS"];
  expect(describeLack({ feature: "erofs", options })).toBe("cannot mount erofs (CONFIG_EROFS_FS)");
  expect(describeLack({ feature: "erofs", options, onlyModuleMissing: true })).toBe(
    "cannot mount erofs (CONFIG_EROFS_FS=m, and the module is not there)",
  );
});
