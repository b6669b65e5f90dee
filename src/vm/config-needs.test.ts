import { expect, it } from "vitest";
import { configNeeds } from "./config-needs.ts";

it("asks for nothing where config.json asks for nothing", () => {
  expect(configNeeds({})).toEqual(new Map());
  const unlimited = { memory: { limit: -1 }, cpu: { shares: 0 }, pids: { limit: 0 } };
  expect(
    configNeeds({ linux: { resources: unlimited, seccomp: { defaultAction: "SCMP_ACT_ALLOW" } } }),
  ).toEqual(new Map());
});

it("names the member that asks for each feature", () => {
  const needs = configNeeds({
    mounts: [
      { destination: "/proc", type: "proc" },
      { destination: "/layers", type: "overlay" },
    ],
    linux: {
      namespaces: [{ type: "user" }, { type: "cgroup" }],
      seccomp: { syscalls: [{ names: ["mkdir"] }] },
      resources: { memory: { limit: 2n ** 62n }, cpu: { quota: 5, shares: 2 }, pids: { limit: 10 } },
    },
  });
  expect(Object.fromEntries(needs)).toEqual({
    "user-ns": "linux.namespaces (user) in config.json",
    seccomp: "linux.seccomp in config.json",
    memory: "linux.resources.memory.limit in config.json",
    "cpu-weight": "linux.resources.cpu.shares in config.json",
    "cpu-quota": "linux.resources.cpu.quota in config.json",
    pids: "linux.resources.pids.limit in config.json",
    overlay: "the mount /layers in config.json",
  });
});
