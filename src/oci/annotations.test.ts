import { describe, expect, it } from "vitest";
import { settingsFromAnnotations } from "./annotations.ts";
import { features } from "./features.ts";

describe("annotations", () => {
  it.each([
    ["org.nano-sandbox.mod", "did you mean org.nano-sandbox.mode?"],
    ["org.nano-sandbox.Mode", "did you mean org.nano-sandbox.mode?"],
    ["org.nano-sandbox.vm.memroy", "did you mean org.nano-sandbox.vm.memory?"],
    ["org.nano-sandbox.memory", "did you mean org.nano-sandbox.vm.memory?"],
    ["org.nanosandbox.mode", "did you mean org.nano-sandbox.mode?"],
    ["Org.Nano-Sandbox.mode", "did you mean org.nano-sandbox.mode?"],
    ["org.nano-sandbox.container.runtime", "did you mean org.nano-sandbox.vm.runtime?"],
    ["org.nano-sandbox.a.name.that.is.like.none.of.them", "expected one of org.nano-sandbox.mode, "],
    ["org.nano-sandbox.", "did you mean org.nano-sandbox.mode?"],
  ])("%s is refused, with the nearest name", (name, words) => {
    expect(() => settingsFromAnnotations({ "io.podman.x": "1", [name]: "vm" })).toThrow(
      `annotation ${name} is not known: ${words}`,
    );
  });

  it("that name files of the host are told of in the features", () => {
    expect(features("1")["potentiallyUnsafeConfigAnnotations"]).toEqual([
      "org.nano-sandbox.vm.kernel",
      "org.nano-sandbox.vm.rootfs",
      "org.nano-sandbox.vm.publish",
    ]);
  });

  it("of others are theirs", () => {
    const others = [
      "io.kubernetes.cri.sandbox-id",
      "org.opencontainers.image.title",
      "org.systemd.property.X",
      "run.oci.handler",
    ];
    expect(settingsFromAnnotations(Object.fromEntries(others.map((name) => [name, "x"])))).toEqual([]);
  });
});
