import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StateStore } from "../../src/state/store.ts";
import type { AtTerminal } from "../vm/at-terminal.ts";
import { cgroups, mounts, processes } from "../vm/residue.ts";
import { Containerd } from "./containerd.ts";
import { pidOfShim } from "./shim.ts";

/** containerd by `ctr`, with runc and with this runtime in both modes: each call says the same. */

const MEMORY = ["--memory-limit", String(48 * 1024 * 1024)];
const SLEEP = ["sleep", "1000000"];

let containerd: Containerd;

beforeAll(async () => {
  containerd = await Containerd.make();
});

afterAll(() => containerd[Symbol.asyncDispose]());

/** Who calls `ctr` for one container by one runtime. */
class Box implements AsyncDisposable {
  private static count = 0;
  readonly id = `t${process.pid}-${(Box.count += 1)}`;
  readonly runtime: string;

  constructor(runtime: string) {
    this.runtime = runtime;
  }

  words(...flags: string[]): string[] {
    return containerd.runWords(this.runtime, this.id, ...flags);
  }

  async start(...flags: string[]): Promise<this> {
    await containerd.ok(...this.words("-d", ...flags), ...SLEEP);
    return this;
  }

  /** `ctr tasks VERB`, what it says without the id. */
  async task(verb: string, ...words: string[]): Promise<unknown> {
    const { code, stdout, stderr } = await containerd.call("tasks", verb, ...words);
    const plain = (text: string): string =>
      text
        .replaceAll(this.id, "ID")
        // Words of runc's that we leave out.
        .replace("exec failed: exec failed:", "exec failed:")
        .replaceAll(/time="[^"]*"/g, "")
        .replaceAll(/ +/g, " ");
    return { code, stdout: plain(stdout), stderr: plain(stderr) };
  }

  exec(execId: string, ...command: string[]): Promise<unknown> {
    return this.task("exec", "--exec-id", execId, this.id, ...command);
  }

  /** Id, pid and status. */
  async row(): Promise<string[]> {
    const rows = (await containerd.ok("tasks", "ls")).split("\n").map((row) => row.split(/\s+/));
    return rows.find(([id]) => id === this.id) ?? [];
  }

  async status(): Promise<string | undefined> {
    return (await this.row())[2];
  }

  /** It has ended: `kill` does not wait for that. */
  async stopped(): Promise<void> {
    await expect.poll(() => this.status()).toBe("STOPPED");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await containerd.call("tasks", "rm", "--force", this.id);
    await containerd.call("containers", "rm", this.id);
    await expect.poll(() => left(this.id)).toEqual([]);
  }
}

/** What there is of a container that was removed. */
function left(id: string): string[] {
  const { states } = containerd;
  const own = (lines: string[]): string[] => lines.filter((line) => line.includes(id));
  return [
    ...own(processes(containerd.folder)),
    ...own(mounts([containerd.folder])),
    ...cgroups(`*/${id}*`),
    ...own(existsSync(`${states}/k8s.io`) ? readdirSync(`${states}/k8s.io`) : []),
  ];
}

/** The size comes when the program runs already. */
const AT_TERMINAL =
  "echo here; read word; tty; until stty size | grep 80; do sleep 0.1; done 2>/dev/null; exit 5";

async function typed(terminal: AtTerminal): Promise<unknown> {
  try {
    await terminal.expect("here");
    terminal.type("word\n");
    const { code, output } = await terminal.end();
    return { code, output };
  } finally {
    terminal.close();
  }
}

interface Call {
  name: string;
  answer: (box: Box) => Promise<unknown>;
}

const CALLS: Call[] = [
  {
    name: "run: output and exit status",
    answer: async (box) =>
      containerd.call(...box.words("--rm"), "sh", "-c", "echo out; echo err >&2; exit 7"),
  },
  {
    name: "run: death by a signal",
    answer: async (box) => containerd.call(...box.words("--rm"), "sh", "-c", "kill -9 $$"),
  },
  {
    name: "run with a terminal",
    answer: async (box) => typed(containerd.atTerminal(...box.words("--rm", "-t"), "sh", "-c", AT_TERMINAL)),
  },
  {
    name: "exec: output, exit status, a missing program",
    answer: async (box) => {
      await box.start();
      return [
        await box.exec("one", "sh", "-c", "echo out; echo err >&2; exit 9"),
        await box.exec("one", "sh", "-c", "kill -9 $$"),
        await box.exec("two", "nowhere"),
        await box.task(
          "exec",
          "--exec-id",
          "three",
          "--user",
          "12:13",
          "--cwd",
          "/tmp",
          box.id,
          "sh",
          "-c",
          "id; pwd",
        ),
      ];
    },
  },
  {
    name: "exec with a terminal",
    answer: async (box) => {
      await box.start();
      return typed(
        containerd.atTerminal("tasks", "exec", "-t", "--exec-id", "one", box.id, "sh", "-c", AT_TERMINAL),
      );
    },
  },
  {
    name: "pause and resume",
    answer: async (box) => {
      await box.start();
      const said = [await box.task("pause", box.id), await box.status(), await box.exec("one", "true")];
      return [
        ...said,
        await box.task("resume", box.id),
        await box.status(),
        await box.exec("two", "echo", "on"),
      ];
    },
  },
  {
    name: "metrics",
    answer: async (box) => {
      await box.start();
      const { stdout } = await containerd.call("tasks", "metrics", "--format", "json", box.id);
      const { pids, cpu, memory } = JSON.parse(stdout) as Record<string, Record<string, unknown>>;
      const { usage } = cpu as { usage: { total: number } };
      const { usage: bytes } = memory as { usage: { usage: number } };
      return [Number(pids?.["current"]) > 0, usage.total > 0, bytes.usage > 0];
    },
  },
  {
    name: "ps has one row for a container with one process",
    answer: async (box) => {
      await box.start();
      const [, pid = ""] = await box.row();
      const rows = (await containerd.ok("tasks", "ps", box.id)).trim().split("\n");
      return rows.map((row) => row.replace(pid, "PID").replaceAll(/ +/g, " "));
    },
  },
  {
    name: "delete is refused while it runs; kill, delete",
    answer: async (box) => {
      await box.start();
      const refused = await box.task("rm", box.id);
      const killed = await box.task("kill", "--signal", "SIGKILL", box.id);
      await box.stopped();
      const deleted = await box.task("rm", box.id);
      return [refused, killed, deleted, await containerd.call("containers", "rm", box.id), left(box.id)];
    },
  },
  {
    name: "kill with a signal that the process takes",
    answer: async (box) => {
      const line = "trap 'exit 4' TERM; touch /ready; while :; do sleep 0.1; done";
      await containerd.ok(...box.words("-d"), "sh", "-c", line);
      await box.exec("one", "sh", "-c", "until [ -e /ready ]; do sleep 0.1; done");
      await box.task("kill", "--signal", "SIGTERM", box.id);
      await box.stopped();
      return box.task("rm", box.id);
    },
  },
  {
    name: "events of a container and its exec",
    answer: async (box) => {
      await using events = await containerd.events();
      await box.start();
      await box.exec("one", "true");
      await box.task("kill", "--signal", "SIGKILL", box.id);
      await box.stopped();
      await box.task("rm", box.id);
      await expect.poll(() => events.topics(box.id)).toContain("/tasks/delete");
      return events.topics(box.id);
    },
  },
  {
    name: "memory that runs out",
    answer: async (box) => {
      await using events = await containerd.events();
      const { code } = await containerd.call(...box.words("--rm", ...MEMORY), "tail", "/dev/zero");
      await expect.poll(() => events.topics(box.id)).toContain("/tasks/delete");
      // Of the host's kernel, which says it to the shim by another way than the exit.
      return [code, events.topics(box.id).sort()];
    },
  },
  {
    name: "a shim that was killed",
    answer: async (box) => {
      await using events = await containerd.events();
      await box.start();
      process.kill(pidOfShim(box.id), "SIGKILL");
      await expect.poll(() => events.topics(box.id)).toContain("/tasks/delete");
      await expect.poll(() => left(box.id)).toEqual([]);
      const said = [await box.status(), await box.task("rm", "--force", box.id)];
      return [...said, await containerd.call("containers", "rm", box.id), events.topics(box.id)];
    },
  },
];

const answers = new Map<string, unknown>();

describe.each(["container", "vm"] as const)("ctr with ours in %s mode", (mode) => {
  it.each(CALLS)("$name", async ({ name, answer }) => {
    if (!answers.has(name)) {
      await using box = new Box("runc");
      answers.set(name, await answer(box));
    }
    await using box = new Box(containerd.runtime(mode));
    expect(await answer(box)).toEqual(answers.get(name));
  });
});

it("a VM that dies is the end of its task", async () => {
  await using box = new Box(containerd.runtime("vm"));
  await box.start();
  const { vm } = new StateStore(join(containerd.states, "k8s.io")).read(box.id);
  process.kill(vm?.vmmPid ?? 0, "SIGKILL");
  await box.stopped();
  expect(await box.task("rm", box.id)).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("exit with non-zero exit code 137") as string,
  });
});
