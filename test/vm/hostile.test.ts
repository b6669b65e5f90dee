import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FrameType } from "../../src/agent/frame-codec.ts";
import { ends, protocolErrors, silences } from "./hostile-cases.ts";
import { DRIVES_A_TERMINAL, HostileRig, IN_A_HURRY } from "./hostile-rig.ts";
import {
  answer,
  exits,
  frame,
  hello,
  HELLO,
  say,
  step,
  success,
  until,
  type Script,
} from "./hostile-guest.ts";

let rig: HostileRig;

beforeAll(async () => {
  rig = new HostileRig();
  await rig.start();
});

afterAll(async () => {
  expect(await rig.close()).toEqual([]);
});

describe.concurrent("a guest that breaks the protocol, ends or says nothing", () => {
  it.each(silences)("%s", (_name, script, error) => rig.expectEnd(script, error, [], IN_A_HURRY));
  it.each([...protocolErrors, ...ends])("%s", (_name, script, error) => rig.expectEnd(script, error));
});

describe("a guest that says it sees the container's files", () => {
  const share = ["--vm-share=virtiofs"];

  it.each([
    ["and has not looked", () => [hello, step("s")], /expected the proof .* found none/],
    [
      "and has made their proof up",
      () => [hello, until("mount"), answer(members({ status: "success", proof: `${ESCAPES}0f` }))],
      /found "\\x1b/,
    ],
  ])("%s", (_name, script, error) => rig.expectEnd(script, error, share));
});

const ESCAPES = "\u001b[2J\u009b31m\u202e";

/** Wrong, and of no consequence: all of it is ignored, or made harmless. */
const odd: Script = (id) => [
  say({ event: "exit", id, session: "none", code: 0, signal: 0 }),
  say({ event: "step", name: "early", startUs: 1, endUs: 2, detail: "" }),
  say(
    `{"event":"hello","event":"hello",${JSON.stringify({
      ...HELLO,
      kernel: ESCAPES + "k".repeat(100_000),
      features: Array.from({ length: 50_000 }, () => "f"),
      realtimeNs: 1e99,
      uptimeUs: -1,
      helloUs: Number.MAX_VALUE,
    }).slice(1, -1)},"__proto__":{"polluted":1},"deep":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
  ),
  say({ event: "party" }, 1000),
  say({ seq: 99, status: "success" }),
  say({ seq: "x", status: { deep: true } }),
  say({ seq: -1 }),
  say({ event: "log", level: ESCAPES, message: `${ESCAPES}\nsecond` }),
  say({ event: "log", level: 7, message: { toString: 1 } }),
  say({ event: "step", name: `${ESCAPES}step`, startUs: 1e300, endUs: -1, detail: ESCAPES }),
  say({ event: "exit", id: "another", session: "", code: 9, signal: 0 }),
  until("create"),
  success,
  success,
  ...[2, 3, 4, 5].map((type) => frame(type, 77, Buffer.alloc(type === 3 ? 4 : type === 2 ? 1 : 0))),
  frame(FrameType.close, 1, "", 1000),
  frame(FrameType.credit, 1, Buffer.alloc(4, 0xff)),
  frame(FrameType.data, 2, "out"),
  frame(FrameType.data, 3, "err"),
  until("start"),
  success,
  exits(id, 3),
  exits(id, 4),
  step("s"),
];

it("shows nothing of what a guest says that could drive a terminal, and takes no harm from nonsense", async () => {
  const run = await rig.run(odd, ["--keep", "--educational"]);
  expect(run).toMatchObject({ code: 3, stdout: "out" });
  const files = ["trace.jsonl", "agent.log", "state.json", "monitor.log"].map((name) =>
    readFileSync(join(run.stateDir, name), "utf8"),
  );
  const [trace = "", log = ""] = files;
  expect(trace).toContain("\\\\x1b[2J\\\\x9b31m\\\\u202estep");
  expect(log).toBe(`\\x1b[2J\\x9b31m\\u202e: \\x1b[2J\\x9b31m\\u202e\\nsecond\n: \n`);
  for (const text of [run.stderr, ...files]) expect(text).not.toMatch(DRIVES_A_TERMINAL);
  expect(run.monitorPeakKib).toBeLessThan(rig.boundKib);
});

/** A write of up to 32 KiB is not cut: what answers the requests writes beside it. Everything that may be said without end, again and again, while requests are answered. */
function babble(id: string): Buffer {
  const all = [
    say({ event: "log", level: "info", message: "x".repeat(4000) }),
    say({ event: "step", name: "step", startUs: 1, endUs: 2, detail: "y".repeat(4000) }),
    say({ event: "exit", id, session: "nobody", code: 0, signal: 0 }),
    say({ seq: 1, status: "success" }),
    say({ nothing: Array.from({ length: 5_000 }, () => ({})) }),
    frame(FrameType.data, 4711, "z".repeat(1000)),
  ];
  return step("w", Buffer.concat(all.map((one) => one.subarray(12))), 0);
}

const runs = (...then: Buffer[]): Buffer[] => [hello, until("start"), success, ...then];

const rows = Array.from({ length: 3_000 }, () => ({
  pid: -1,
  uid: 1e99,
  comm: 7,
  args: `${ESCAPES}\nx`,
  state: ESCAPES,
}));
const refused = { status: "error", code: "RUNTIME", error: `no ${ESCAPES}`, log: ESCAPES };
/** The members of an answer, for what the guest puts before them. */
const members = (message: object): string => JSON.stringify(message).slice(1);

it("answers ps and exec with escape sequences, kill too late, and then nothing: each ends in time", async () => {
  const id = await rig.background(() => [
    ...runs(until("ps"), answer(members({ status: "success", processes: rows })), until("exec")),
    answer(members(refused)),
    until("kill"),
    step("z", "", 14),
    success,
    step("d"),
  ]);
  const table = await rig.runtime.call(["ps", id]);
  expect(table.stdout.split("\n")).toHaveLength(3_002);
  expect(table.stdout).not.toMatch(DRIVES_A_TERMINAL);
  const exec = await rig.runtime.call(["exec", id, "x"]);
  expect(exec).toMatchObject({ code: 255, stderr: expect.stringContaining("\\x1b[2J") });
  expect(exec.stderr).not.toMatch(DRIVES_A_TERMINAL);
  const kill = await rig.runtime.call(["kill", id, "TERM"]);
  expect(kill).toMatchObject({ code: 1, stderr: expect.stringMatching(/answer to "kill"/) });
  expect(await rig.runtime.ok(["state", "--short", id])).toBe("running (vm)\n");
  await rig.runtime.ok(["delete", "--force", id]);
});

it("ends with delete --force while its hello is waited for", async () => {
  await rig.expectDeletedInBoot(() => [step("d")]);
});

describe("a guest that goes on for ever", () => {
  it.each<[string, Script]>([
    ["tells without end", (id) => runs(step("f"), babble(id))],
    ["floods its console", () => runs(step("f"), step("c", `${"console ".repeat(512)}${ESCAPES}\n`, 0))],
    ["spins and answers nothing", () => runs(step("p", "spin"))],
  ])("%s: it ends with delete --force, the monitor stays small", (_name, script) =>
    rig.expectEndByForce(script),
  );

  it("keeps little standard input for a guest that reads nothing", async () => {
    await rig.expectInputKept(() => runs(step("n")));
  });

  it("takes output that nobody reads up to its credit, and no more", async () => {
    const output = [2, 3].map((stream) => frame(FrameType.data, stream, "x", 262_144));
    await rig.expectEndByForce(() => runs(step("f"), ...output));
  });
});
