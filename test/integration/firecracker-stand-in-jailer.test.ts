// The stand-in for Firecracker's jailer against what a real one did (test/vectors/firecracker/jailer.json).
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  lstatSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connectTo, FAKE_FIRECRACKER, readResponse, withoutTimes } from "../fixtures/fake-firecracker.ts";
import { readVectors } from "../fixtures/firecracker-vectors.ts";

const JAILER = resolve("build/fakes/jailer");
/** What is in the jail for node and QEMU. */
const EXTRA = /^\S+ \S+ \S+\/root\/(usr|bin|sbin|lib|lib32|lib64|libx32|build|proc)$/;

interface JailerCase {
  name: string;
  args: string[];
  exit: number | null;
  output: string;
  tree: string[];
  status?: string[];
}
const { cases } = readVectors("jailer") as { cases: JailerCase[] };

let base: string;
let pids: number[] = [];

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "nk-jail-"));
});

afterEach(() => {
  for (const pid of pids.splice(0)) killed(pid);
  rmSync(base, { recursive: true, force: true });
});

function killed(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended
  }
}

class Jail {
  readonly child: ChildProcess;
  output = "";

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.child = spawn("sh", ["-c", 'exec "$@" 2>&1', "sh", JAILER, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
      env,
    });
    if (this.child.pid !== undefined) pids.push(this.child.pid);
    this.child.stdout?.on("data", (data: Buffer) => (this.output += data.toString()));
  }

  get socketPath(): string {
    return join(base, "firecracker/j1/root/run/firecracker.socket");
  }

  /** Waits for a line of the VMM. */
  async said(text: string): Promise<void> {
    while (!this.output.includes(text)) if (this.child.stdout !== null) await once(this.child.stdout, "data");
  }

  async version(): Promise<string> {
    const socket = await connectTo(this.socketPath);
    socket.write("GET /version HTTP/1.1\r\n\r\n");
    const answer = await readResponse(socket);
    socket.destroy();
    return answer;
  }
}

/** The arguments of a case, for our binary and our base folder; a missing one is given when the case relies on the default. */
function argumentsOf({ args }: JailerCase): string[] {
  const own = args.map((word) =>
    word === "/srv/jailer" ? base : word === "/usr/local/bin/firecracker" ? FAKE_FIRECRACKER : word,
  );
  return args.includes("--chroot-base-dir") ? own : [...own, "--chroot-base-dir", "/nonexistent/jailer"];
}

function caseOf(name: string): JailerCase {
  const found = cases.find((vector) => vector.name === name);
  if (found === undefined) throw new Error(`there is no case ${name}`);
  return found;
}

const TYPES = [
  ["d", 0o040000],
  ["c", 0o020000],
  ["s", 0o140000],
  ["-", 0o100000],
] as const;

/** `drwx------ 1234:1234 PATH` for all below a folder; root is named. */
function treeOf(path: string): string[] {
  const { mode, uid, gid } = lstatSync(path);
  const type = TYPES.find(([, bits]) => (mode & 0o170000) === bits)?.[0] ?? "?";
  const bits = Array.from("rwxrwxrwx", (letter, at) => (mode & (0o400 >> at) ? letter : "-")).join("");
  const name = (id: number) => (id === 0 ? "root" : String(id));
  const line = `${type}${bits} ${name(uid)}:${name(gid)} ${path.replace(base, "/srv/jailer")}`;
  if (EXTRA.test(line) || type !== "d") return [line];
  return [line, ...readdirSync(path).flatMap((entry) => treeOf(join(path, entry)))];
}

function expectTree({ tree }: JailerCase): void {
  const inBase = (lines: string[]) =>
    lines.filter((line) => !line.endsWith(" /srv/jailer") && !EXTRA.test(line)).toSorted();
  const expected = existsSync("/dev/userfaultfd")
    ? tree
    : tree.filter((line) => !line.endsWith("userfaultfd"));
  expect(inBase(treeOf(base))).toEqual(inBase(expected));
}

test.each(["plain, cgroup v2", "cgroup v1 asked on a v2 host"])("it becomes the VMM: %s", async (name) => {
  const vector = caseOf(name);
  const inherited = openSync("/etc/passwd", "r");
  const jail = new Jail(argumentsOf(vector), { ...process.env, SECRET: "x" });
  closeSync(inherited);
  await jail.said("API server started");
  expect(await jail.version()).toContain("1.16.1");
  await jail.said("200 OK");
  expect(withoutTimes(jail.output)).toBe(vector.output);
  expectTree(vector);
  const proc = `/proc/${jail.child.pid}`;
  expect(readFileSync(join(base, "firecracker/j1/root/firecracker.pid"), "utf8")).toBe(
    String(jail.child.pid),
  );
  const status = readFileSync(`${proc}/status`, "utf8");
  const same = (vector.status ?? []).filter((line) => /^(Uid|Gid|CapInh|CapPrm|CapEff|CapAmb):/.test(line));
  expect(same).toHaveLength(6);
  expect(status.split("\n")).toEqual(expect.arrayContaining(same));
  expect(readFileSync(`${proc}/environ`, "utf8")).toBe("NK_FAKE_FC_BUILD=/build\0");
  expect(readFileSync(`${proc}/limits`, "utf8")).toMatch(/Max open files +2048 +2048/);
});

test("an id is not used again before its jail is removed", async () => {
  const first = new Jail(argumentsOf(caseOf("plain, cgroup v2")));
  await first.said("API server started");
  killed(first.child.pid ?? 0);
  await once(first.child, "close");
  const vector = caseOf("same id again");
  const second = new Jail(argumentsOf(vector));
  const [code] = (await once(second.child, "close")) as [number];
  expect({ code, output: second.output }).toEqual({ code: vector.exit, output: vector.output });
  expectTree(vector);
  rmSync(join(base, "firecracker/j1"), { recursive: true });
  const third = new Jail(argumentsOf(vector));
  await third.said("API server started");
});

test.each(["exec file not named firecracker", "bad id", "missing exec"])("it refuses: %s", async (name) => {
  const vector = caseOf(name);
  const jail = new Jail(argumentsOf(vector));
  const [code] = (await once(jail.child, "close")) as [number];
  const output = vector.output.replaceAll("/srv/jailer", "/nonexistent/jailer");
  expect({ code, output: jail.output }).toEqual({ code: vector.exit, output });
  expect(readdirSync(base)).toEqual([]);
});

test("in a pid namespace of its own the VMM is an orphan", async () => {
  const vector = caseOf("new pid namespace");
  const jail = new Jail(argumentsOf(vector));
  const [code] = (await once(jail.child, "exit")) as [number];
  await jail.said("API server started");
  const pid = Number(readFileSync(join(base, "firecracker/j1/root/firecracker.pid"), "utf8"));
  pids.push(pid);
  expect(code).toBe(vector.exit);
  expect(withoutTimes(jail.output)).toBe(vector.output);
  expect(readFileSync(`/proc/${pid}/status`, "utf8")).toContain(`NSpid:\t${pid}\t1\n`);
});

/** The cgroup version that has a pids controller here, and where. */
function pidsController(): { version: string; folder: string } {
  const mounts = readFileSync("/proc/mounts", "utf8");
  const v1 = /^\S+ (\S+) cgroup \S*\bpids\b/m.exec(mounts)?.[1];
  const v2 = /^\S+ (\S+) cgroup2 /m.exec(mounts)?.[1];
  return v1 === undefined ? { version: "2", folder: v2 ?? "" } : { version: "1", folder: v1 };
}

test("it joins a cgroup of its own and limits itself", async () => {
  const vector = caseOf("cgroup and limits");
  const { version, folder } = pidsController();
  const parent = `nk-jailer-${process.pid}`;
  const args = argumentsOf(vector).map((word, at, all) =>
    all[at - 1] === "--cgroup-version" ? version : word,
  );
  mkdirSync(join(folder, parent));
  const jail = new Jail([...args, "--parent-cgroup", parent]);
  await jail.said("API server started");
  const proc = `/proc/${jail.child.pid}`;
  expect(readFileSync(`${proc}/cgroup`, "utf8")).toContain(`/${parent}/j1\n`);
  expect(readFileSync(join(folder, parent, "j1/pids.max"), "utf8")).toBe("50\n");
  expect(readFileSync(`${proc}/limits`, "utf8")).toMatch(/Max open files +256 +256/);
  killed(jail.child.pid ?? 0);
  await once(jail.child, "close");
  for (const path of [`${parent}/j1`, parent]) rmdirSync(join(folder, path));
});
