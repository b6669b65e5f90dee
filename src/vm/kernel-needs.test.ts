import { expect, it } from "vitest";
import { kernelNeeds } from "./kernel-needs.ts";

const QEMU = { vmm: "qemu", share: "auto" } as const;

it("asks for nothing where config.json asks for nothing", () => {
  expect(kernelNeeds({}, QEMU)).toEqual(new Map());
  const unlimited = { memory: { limit: -1 }, cpu: { shares: 0 }, pids: { limit: 0 } };
  expect(
    kernelNeeds({ linux: { resources: unlimited, seccomp: { defaultAction: "SCMP_ACT_ALLOW" } } }, QEMU),
  ).toEqual(new Map());
});

it("asks for vsock on Firecracker, where there is no other way to the agent", () => {
  const needs = kernelNeeds({}, { vmm: "firecracker", share: "block" });
  expect([...needs.keys()]).toEqual(["vsock"]);
});

it("names the member that asks for each feature", () => {
  const needs = kernelNeeds(
    {
      mounts: [
        { destination: "/proc", type: "proc" },
        { destination: "/layers", type: "overlay" },
      ],
      linux: {
        namespaces: [{ type: "user" }, { type: "cgroup" }],
        seccomp: { syscalls: [{ names: ["mkdir"] }] },
        resources: { memory: { limit: 2n ** 62n }, cpu: { quota: 5, shares: 2 }, pids: { limit: 10 } },
      },
    },
    { ...QEMU, share: "9p" },
  );
  expect(Object.fromEntries(needs)).toEqual({
    "9p": "--vm-share=9p",
    "user-ns": "linux.namespaces (user) in config.json",
    seccomp: "linux.seccomp in config.json",
    memory: "linux.resources.memory.limit in config.json",
    "cpu-weight": "linux.resources.cpu.shares in config.json",
    "cpu-quota": "linux.resources.cpu.quota in config.json",
    pids: "linux.resources.pids.limit in config.json",
    overlay: "the mount /layers in config.json",
  });
});
