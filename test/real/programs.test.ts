import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scaled } from "../fixtures/scaled.ts";
import { MODES, Programs } from "./programs.ts";
import type { Said } from "./said.ts";

/**
 * Programs that people run, each a script in `programs/`, in a Debian root file system and under podman: on the host's kernel through runc, and in a VM by
 * the shares that matter to them. What fails in a VM and passes with runc is a defect of ours.
 */
interface Row {
  script: string;
  /** Of `podman run`. */
  flags?: string[];
  modes?: readonly string[];
}

const USUAL = ["runc", "virtiofs"];
const LIVE = [...USUAL, "9p"];
const ALL_RIGHTS = ["--privileged"];

const ROWS: Row[] = [
  { script: "git" },
  { script: "npm" },
  { script: "apt", modes: [...USUAL, "block"] },
  { script: "build" },
  { script: "nginx" },
  { script: "fuse", flags: ALL_RIGHTS, modes: LIVE },
  { script: "loop", flags: ALL_RIGHTS, modes: LIVE },
  { script: "nested", flags: [...ALL_RIGHTS, "--volume=/var/lib/containers"] },
  { script: "postgres", flags: ["--shm-size=256m"] },
];

/** PostgreSQL's tests in a VM without KVM, on a busy machine. */
const LONGEST_MS = 1_200_000;

let programs: Programs;
beforeAll(async () => {
  programs = await Programs.open("scripts");
});
afterAll(() => programs[Symbol.asyncDispose]());

/** @throws with the end of what it has said when it has failed */
function expectDone({ code, stdout, stderr }: Said): void {
  expect(code, `${stdout.slice(-4000)}\n${stderr.slice(-4000)}`).toBe(0);
}

describe.each(ROWS.map((row) => [row.script, row] as const))(
  "%s",
  { timeout: scaled(LONGEST_MS + 60_000) },
  (script, { flags = [], modes = USUAL }) => {
    it.each(modes)("by %s", async (mode) => {
      const options = { flags, timeoutMs: LONGEST_MS };
      await programs.timed(script, mode, () => programs.run(mode, script, options).then(expectDone));
    });
  },
);

it.each(MODES)("sqlite, by the container and an exec, by %s", async (mode) => {
  const { podman } = programs;
  const name = podman.name();
  const beside = async (): Promise<void> => {
    await expect.poll(async () => (await podman.call("logs", name)).stdout).toContain("ready");
    expectDone(await podman.call("exec", name, "bash", "/programs/sqlite-writer.sh", "2"));
    // It may end before it has answered.
    await podman.call("exec", name, "sh", "-c", "echo >/told/written");
  };
  const main = () =>
    programs.run(mode, "sqlite", { flags: ["--name", name, "--tmpfs=/told"] }).then(expectDone);
  await programs.timed("sqlite", mode, () => Promise.all([main(), beside()]));
});
