import {
  mkdirSync,
  mkdtempSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { removeCgroups } from "../../src/host/cgroup-remove.ts";
import { collected, type Found } from "./garbage.ts";
import { residue } from "./residue.ts";
import { Runtime } from "./runtime.ts";
import { findVictim, processesOf, within } from "./victims.ts";

const MONTHS_AGO = new Date(Date.now() - 40 * 24 * 3600 * 1000);
const STALE = `initrd-${"0".repeat(20)}.cpio`;

let runtime: Runtime;
/** XDG_CACHE_HOME: its nano-sandbox/ is one of the folders for prepared images. */
let cache: string;

beforeAll(() => {
  runtime = new Runtime();
  cache = mkdtempSync(join(tmpdir(), "nk-cache-"));
  mkdirSync(join(cache, "nano-sandbox"));
});

afterAll(async () => {
  rmSync(cache, { recursive: true });
  expect(await runtime.close()).toEqual([]);
});

const gc = (...flags: string[]): Promise<Found[]> =>
  collected(runtime, flags, { XDG_CACHE_HOME: cache, NK_DISK_CACHE: join(cache, "disks") });

/** SIGKILLs the monitor of a container, and waits until its VM has followed. */
async function loseMonitor(id: string): Promise<void> {
  const path = join(runtime.root, id, "state.json");
  const { vm, pid } = JSON.parse(readFileSync(path, "utf8")) as { vm: { monitorPid: number }; pid: number };
  process.kill(vm.monitorPid, "SIGKILL");
  await within(30_000, () =>
    processesOf(runtime.root).some((found) => found.pid === pid) ? undefined : true,
  );
}

/** A `create` that is killed while it stands at the step. */
async function loseCreator(step: string): Promise<string> {
  const { dir } = await runtime.bundle();
  const id = runtime.id();
  const command = runtime.spawn(["create", "--mode=vm", "--bundle", dir, id], { NK_HALT_AT: step });
  const halted = await findVictim(runtime.root, "halted");
  const ended = new Promise((resolve) => command.once("exit", resolve));
  command.kill("SIGKILL");
  await ended;
  if (halted !== command.pid) process.kill(halted, "SIGCONT");
  await within(30_000, () =>
    processesOf(runtime.root).some(({ state }) => state === "T") ? undefined : true,
  );
  return id;
}

function writeImage(name: string, used: Date): string {
  const path = join(cache, "nano-sandbox", name);
  writeFileSync(path, "");
  utimesSync(path, used, used);
  return path;
}

afterEach(() => {
  for (const { pid, state } of processesOf(runtime.root)) if (state === "T") process.kill(pid, "SIGKILL");
});

it("removes what killed processes left, and nothing else", async () => {
  const lostMonitor = await runtime.background();
  await loseMonitor(lostMonitor);
  // Nothing of the bundle is needed.
  rmSync(runtime.record(lostMonitor).bundle, { recursive: true });
  const lostFolder = await runtime.background();
  await loseMonitor(lostFolder);
  const { vm } = JSON.parse(readFileSync(join(runtime.root, lostFolder, "state.json"), "utf8")) as {
    vm: { cgroups: string[] };
  };
  // Their journal is lost with the folder; nothing else of it is left.
  await removeCgroups(vm.cgroups, join(runtime.root, lostFolder));
  rmSync(join(runtime.root, lostFolder), { recursive: true });
  const lostCreator = await loseCreator("start virtiofsd");
  await loseCreator("read the bundle");
  const unfinished = readdirSync(runtime.root).filter((name) => name.startsWith("~new-"));
  const image = writeImage(STALE, MONTHS_AGO);
  writeImage(STALE.replaceAll("0", "1"), new Date());
  writeImage("notes.txt", MONTHS_AGO);
  const halfMade = join(cache, "disks", "build-999999999-1-x");
  mkdirSync(halfMade, { recursive: true });

  const gone = await runtime.bundle({ args: ["true"] });
  const lostBundle = runtime.id();
  await runtime.ok(["run", "--keep", "--mode=vm", "--bundle", gone.dir, lostBundle]);
  rmSync(gone.dir, { recursive: true });

  const running = await runtime.background();
  const { dir } = await runtime.bundle({ args: ["true"] });
  const stopped = runtime.id();
  await runtime.ok(["run", "--keep", "--mode=vm", "--bundle", dir, stopped]);
  const beingMade = runtime.id();
  const create = runtime.spawn(["create", "--mode=vm", "--bundle", dir, beingMade], {
    NK_HALT_AT: "all of it, from shadow and monitor on",
  });
  const created = new Promise((resolve) => create.once("exit", resolve));
  const halted = await findVictim(runtime.root, "halted");

  const expected = [
    {
      kind: "container",
      name: lostMonitor,
      reason: expect.stringMatching(/monitor .* was killed/) as string,
    },
    {
      kind: "container",
      name: lostCreator,
      reason: expect.stringMatching(/command .* was killed/) as string,
    },
    {
      kind: "container",
      name: lostBundle,
      reason: expect.stringMatching(/bundle .* is gone/) as string,
    },
    {
      kind: "folder",
      name: join(runtime.root, unfinished[0] ?? ""),
      reason: expect.stringMatching(/killed/) as string,
    },
    { kind: "image", name: image, reason: "not used for 30 days" },
    { kind: "image", name: halfMade, reason: "the process that made it was killed" },
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  const found = await gc("--dry-run");
  expect(found).toHaveLength(expected.length);
  expect(found).toEqual(expect.arrayContaining(expected.map((each) => ({ ...each, removed: false }))));
  expect(await gc("--dry-run")).toEqual(found);

  expect(await gc()).toEqual(found.map((each) => ({ ...each, removed: true })));
  expect(await gc()).toEqual([]);
  expect(existsSync(image)).toBe(false);
  expect(readdirSync(join(cache, "nano-sandbox"))).toHaveLength(2);

  process.kill(halted, "SIGCONT");
  expect(await created).toBe(0);
  const statuses = (await runtime.ok(["list", "--format=json"])).trim();
  expect(
    (JSON.parse(statuses) as { id: string; status: string }[]).map(({ id, status }) => [id, status]),
  ).toEqual([
    [running, "running"],
    [stopped, "stopped"],
    [beingMade, "created"],
  ]);
  for (const id of [running, stopped, beingMade]) await runtime.ok(["delete", "--force", id]);
  expect(residue(runtime.traces())).toEqual([]);
});

it("leaves to one of two that clean up at once what both have found", async () => {
  const id = await runtime.background();
  await loseMonitor(id);
  const [one, other] = await Promise.all([gc(), gc()]);
  expect([...one, ...other].filter(({ name, removed }) => name === id && removed)).toHaveLength(1);
  expect(residue(runtime.traces())).toEqual([]);
});
