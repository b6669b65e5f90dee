import { expect, test } from "vitest";
import { encodeCreatePlan, encodeExecPlan, type ShadowPlan } from "./shadow-plan.ts";

const plan: ShadowPlan = {
  rootfs: "/b/rootfs",
  proof: "0f",
  readonly: true,
  mounts: [
    { kind: "cover", destination: "/proc" },
    { kind: "bind", source: "/v", destination: "/data", flags: 4097 },
    { kind: "cover", destination: "/etc" },
    { kind: "volume", source: "/w", flags: 1 },
  ],
  cwd: "/w",
  hostname: "h",
  netns: "new",
  title: ["sleep", "1\0wait"],
  cgroups: ["/c/cgroup.procs"],
  stateDir: "/run/c1",
  terminal: { socket: "/tmp/console" },
  preserveFds: 2,
  wait: true,
  monitor: { argv: ["/usr/bin/node", "bundle", "monitor"], log: "/m.log" },
};

test("writes a create plan as words ended by NUL", () => {
  expect(encodeCreatePlan(plan).toString().split("\0")).toEqual(
    (
      "rootfs /b/rootfs proof 0f readonly cover /proc bind /v /data 4097 cover /etc volume /w 1 cwd /w hostname h netns new " +
      "title 2 sleep 1 cgroup /c/cgroup.procs terminal /tmp/console wait preserve-fds 2 " +
      "monitor 3 /usr/bin/node bundle monitor monitor-log /m.log "
    ).split(" "),
  );
});

test("writes a create plan for a VM that runs", () => {
  const monitor = {
    control: "/vm/control.sock",
    endpoint: "/containers",
    request: "{}",
    attachTo: 7,
    folder: "c",
  };
  const words = encodeCreatePlan({ ...plan, monitor }).toString();
  expect(words).toContain("control\0/vm/control.sock\0endpoint\0/containers\0request\0{}\0attach\x007\0c\0");
});

test("writes an exec plan", () => {
  const words = encodeExecPlan({
    join: 12,
    control: "/s/control.sock",
    endpoint: "/containers/c/exec",
    request: '{"a b":"\\u0000"}',
    title: ["sh", "-c", "x"],
    cgroups: [],
    stateDir: "/run/c1",
    terminal: "inherit",
    wait: true,
  });
  expect(words.toString().split("\0")).toEqual([
    "join",
    "12",
    "control",
    "/s/control.sock",
    "endpoint",
    "/containers/c/exec",
    "request",
    '{"a b":"\\u0000"}',
    "title",
    "3",
    "sh",
    "-c",
    "x",
    "terminal",
    "inherit",
    "wait",
    "",
  ]);
});

test("refuses a NUL byte, which would start another order", () => {
  expect(() => encodeCreatePlan({ ...plan, hostname: "h\0readonly" })).toThrow("contains a NUL byte");
});
