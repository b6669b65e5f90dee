import { describe, expect, it } from "vitest";
import { vmLimits } from "./host-limits.ts";
import { vmResources } from "./pod-limits.ts";
import { settingsFromLimits } from "./vm-size.ts";

const MIB = 1024 * 1024;
const HOST = { cpus: 8, memoryBytes: 16_384 * MIB };

const first = (annotations: Record<string, string>, resources = {}) => ({
  annotations: { "io.kubernetes.cri.container-type": "sandbox", ...annotations },
  linux: { resources: { cpu: { shares: 2 }, ...resources } },
});

const POD = {
  "io.kubernetes.cri.sandbox-memory": String(1024 * MIB),
  "io.kubernetes.cri.sandbox-cpu-quota": "250000",
  "io.kubernetes.cri.sandbox-cpu-period": "100000",
  "io.kubernetes.cri.sandbox-cpu-shares": "2560",
};

describe("the VM of a pod's first container", () => {
  it("is as large as the pod is allowed to be", () => {
    const sizes = settingsFromLimits(vmResources(first(POD)), HOST).map(({ settings }) => settings);
    expect(Object.assign({}, ...sizes)).toEqual({ vcpus: 3, memSizeMib: 1024 + 128 });
    expect(vmLimits(vmResources(first(POD)), 1152)).toEqual({
      memoryBytes: (1152 + 256) * MIB,
      cpu: { quotaUs: 250_000, periodUs: 100_000, shares: 2560 },
    });
  });

  it.each([{}, { "io.kubernetes.cri.sandbox-memory": "0" }, { "io.kubernetes.cri.sandbox-memory": "much" }])(
    "has no limits where the pod has none, and not the few shares of that container: %j",
    (annotations) => {
      const linux = vmResources(first(annotations));
      expect(settingsFromLimits(linux, HOST)).toEqual([]);
      expect(vmLimits(linux, 512)).toEqual({ memoryBytes: undefined, cpu: undefined });
    },
  );

  it("is marked by CRI-O in another way", () => {
    const config = {
      annotations: { "io.kubernetes.cri-o.ContainerType": "sandbox" },
      linux: first({}).linux,
    };
    expect(vmLimits(vmResources(config), 512).cpu).toBeUndefined();
  });
});

it.each([
  ["has a memory limit of its own", first(POD, { memory: { limit: 64 * MIB } })],
  ["has a quota of its own", first(POD, { cpu: { quota: 10_000 } })],
  ["is not a pod's first", { annotations: POD, linux: { resources: { cpu: { shares: 2 } } } }],
])("a container that %s keeps to it", (_, config) => {
  expect(vmResources(config)).toEqual({ linux: config.linux });
});
