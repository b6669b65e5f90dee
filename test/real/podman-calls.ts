import type { Podman } from "./podman.ts";

/** A call of podman whose answer must not depend on the runtime. */
export interface Call {
  name: string;
  /** What it says, as far as that is to be the same. */
  answer: (podman: Podman) => Promise<unknown>;
}

const EXIT = "exec sleep 1000000";

/** `run --rm`, with its exit code. */
function run(name: string, flags: readonly string[], ...command: string[]): Call {
  return {
    name,
    answer: async (podman) => {
      const { code, stdout } = await podman.call("run", "--rm", ...flags, "box", ...command);
      return { code, stdout };
    },
  };
}

const sh = (name: string, flags: readonly string[], line: string): Call => run(name, flags, "sh", "-c", line);

/** What a container that runs answers to. */
function running(
  name: string,
  flags: readonly string[],
  answer: (podman: Podman, id: string) => Promise<unknown>,
): Call {
  return {
    name,
    answer: async (podman) => {
      const id = podman.name();
      await podman.run(id, flags, EXIT);
      try {
        return await answer(podman, id);
      } finally {
        await podman.call("rm", "--force", "-t", "0", id);
      }
    },
  };
}

export const RUN: Call[] = [
  sh("an exit code", [], "exit 7"),
  sh("death by a signal", [], "kill -9 $$"),
  run("a missing program", [], "nowhere"),
  run("a file that is no program", [], "/etc/passwd"),
  run("a folder as program", [], "/bin"),
  sh("environment", ["-e", "A=b c", "--hostname", "there"], "echo $A; hostname"),
  sh("folder and user", ["-w", "/tmp/new/folder", "-u", "1000:1000"], "pwd; id -u; id -g"),
  sh("further groups", ["-u", "1000", "--group-add", "2000"], "id -G"),
  sh(
    "tmpfs",
    ["--tmpfs", "/scratch:size=1m,mode=700"],
    "stat -c %a /scratch; df -k /scratch | tail -1 | awk '{print $2}'",
  ),
  sh(
    "a root that is read-only",
    ["--read-only"],
    "touch /x 2>/dev/null && echo written; touch /tmp/x && echo tmp",
  ),
  sh("no capabilities", ["--cap-drop", "all"], "grep CapEff /proc/self/status"),
  sh("one capability more", ["--cap-add", "sys_time"], "grep CapEff /proc/self/status"),
  sh("no new privileges", ["--security-opt", "no-new-privileges"], "grep NoNewPrivs /proc/self/status"),
  sh("no seccomp", ["--security-opt", "seccomp=unconfined"], "grep Seccomp: /proc/self/status"),
  sh("seccomp", [], "grep Seccomp: /proc/self/status"),
  sh("ulimits", ["--ulimit", "core=0:0"], "ulimit -c; ulimit -Hc"),
  sh(
    "a sysctl",
    ["--sysctl", "net.ipv4.ip_unprivileged_port_start=80"],
    "cat /proc/sys/net/ipv4/ip_unprivileged_port_start",
  ),
  sh("shared memory", ["--shm-size", "3m"], "df -k /dev/shm | tail -1 | awk '{print $2}'"),
  sh("an init", ["--init"], "cat /proc/1/comm"),
  sh("a terminal", ["-t"], "tty; stty size >/dev/null && echo sized"),
  sh("a device", ["--device", "/dev/fuse"], "stat -c '%t %T %F' /dev/fuse"),
  sh("a user namespace", ["--userns", "auto:size=1000"], "id -u; awk '{print $1, $3}' /proc/self/uid_map"),
  sh(
    "masked files",
    [],
    "wc -c < /proc/kcore; ls /proc/acpi 2>/dev/null | wc -l; touch /proc/sys/kernel/x 2>/dev/null || echo no",
  ),
  sh(
    "names of this container",
    ["--add-host", "db:10.0.0.9", "--dns", "10.0.0.53"],
    "grep db /etc/hosts; grep nameserver /etc/resolv.conf",
  ),
];

export const VOLUMES: Call[] = [
  {
    name: "folders, files and volumes",
    answer: async (podman) => {
      const folder = podman.folderOf("volumes", { "inner/file": "of the host\n", single: "one file\n" });
      const flags = [
        ["-v", `${folder}/inner:/folder`],
        ["-v", `${folder}/inner:/folder-ro:ro`],
        ["-v", `${folder}/single:/etc/single`],
        ["-v", "named:/named:U,z"],
      ].flat();
      const line = [
        "cat /folder/file /etc/single",
        "touch /folder-ro/x 2>/dev/null || echo read-only",
        "echo back > /folder/back; echo kept > /named/kept",
        "stat -c %u /named/kept",
      ].join("; ");
      const first = await podman.ok(
        "run",
        "--rm",
        "-u",
        "1000",
        ...flags,
        "box",
        "sh",
        "-c",
        `chmod 777 /folder 2>/dev/null; ${line}`,
      );
      const second = await podman.ok("run", "--rm", "-v", "named:/again", "box", "cat", "/again/kept");
      return { first, second };
    },
  },
  {
    name: "standard input",
    answer: (podman) => podman.fed("of standard input\n", "run", "--rm", "-i", "box", "cat"),
  },
];

export const LIFE: Call[] = [
  running("exec: exit code, user, folder, environment", [], async (podman, id) => {
    const { code, stdout, stderr } = await podman.call(
      ..."exec -u 1000 -w /tmp -e".split(" "),
      "X=y",
      id,
      ..."sh -c".split(" "),
      "id -u; pwd; echo $X; echo err >&2; exit 9",
    );
    const missing = await podman.call("exec", id, "nowhere");
    return { code, stdout, stderr: stderr.split("\n")[0], missing: missing.code };
  }),
  running("exec with standard input", [], (podman, id) => podman.fed("in\n", "exec", "-i", id, "cat")),
  running("pause and unpause", [], async (podman, id) => {
    await podman.ok("pause", id);
    const paused = await podman.inspect(id, "{{.State.Status}}");
    const refused = (await podman.call("exec", id, "true")).code;
    await podman.ok("unpause", id);
    return { paused, refused, later: await podman.ok("exec", id, "echo", "on") };
  }),
  running("cp in and out", [], async (podman, id) => {
    const folder = podman.folderOf("cp", { "a/file": "copied\n" });
    await podman.ok("cp", `${folder}/a`, `${id}:/there`);
    await podman.ok("exec", id, "sh", "-c", "echo out > /there/back");
    await podman.ok("cp", `${id}:/there/back`, `${folder}/back`);
    return { inside: await podman.ok("exec", id, "cat", "/there/file"), outside: podman.read("cp/back") };
  }),
  running("diff and commit", [], async (podman, id) => {
    await podman.ok("exec", id, "sh", "-c", "echo new > /new; rm /etc/passwd");
    const diff = (await podman.ok("diff", id))
      .split("\n")
      .filter((line) => / \/(new|etc\/passwd)$/.test(line));
    await podman.ok("commit", "--quiet", id, "committed");
    return { diff: diff.sort(), content: await podman.ok("run", "--rm", "committed", "cat", "/new") };
  }),
  running("kill with a signal, and what inspect says", [], async (podman, id) => {
    await podman.ok("kill", "--signal", "KILL", id);
    await podman.ok("wait", id);
    return podman.inspect(id, "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}");
  }),
  {
    name: "stop: TERM reaches the first process, which takes its time",
    answer: async (podman) => {
      const id = podman.name();
      await podman.run(id, [], "trap 'echo bye; exit 3' TERM; while :; do sleep 1; done");
      await podman.ok("stop", "-t", "30", id);
      const said = [await podman.ok("logs", id), await podman.inspect(id, "{{.State.ExitCode}}")];
      await podman.ok("rm", id);
      return said;
    },
  },
  {
    name: "stop: one that does not listen is killed",
    answer: async (podman) => {
      const id = podman.name();
      await podman.run(id, [], "trap '' TERM; while :; do sleep 1; done");
      await podman.ok("stop", "-t", "1", id);
      const code = await podman.inspect(id, "{{.State.ExitCode}}");
      await podman.ok("rm", id);
      return code;
    },
  },
  {
    name: "restart, start and attach",
    answer: async (podman) => {
      const id = podman.name();
      // Not before it has come so far: it is killed.
      const started = (times: number): Promise<string> =>
        podman.ok("exec", id, "sh", "-c", `until [ $(wc -l < /count) = ${times} ]; do sleep 0.1; done`);
      await podman.run(id, [], "echo started >> /count; exec sleep 1000000");
      await started(1);
      await podman.ok("restart", "-t", "0", id);
      await started(2);
      await podman.ok("stop", "-t", "0", id);
      await podman.ok("start", id);
      await started(3);
      await podman.ok("rm", "--force", "-t", "0", id);
      const once = podman.name();
      await podman.ok("create", "--name", once, "box", "sh", "-c", "echo attached; exit 4");
      const { code, stdout } = await podman.call("start", "--attach", once);
      await podman.ok("rm", once);
      return { code, stdout };
    },
  },
  {
    name: "a healthcheck",
    answer: async (podman) => {
      const id = podman.name();
      await podman.run(id, [
        "--health-cmd",
        "test -e /healthy",
        "--health-interval",
        "disable",
        "--health-retries",
        "1",
      ]);
      const sick = (await podman.call("healthcheck", "run", id)).code;
      await podman.ok("exec", id, "touch", "/healthy");
      const well = (await podman.call("healthcheck", "run", id)).code;
      await podman.ok("rm", "--force", "-t", "0", id);
      return { sick, well };
    },
  },
  {
    name: "top",
    answer: async (podman) => {
      const id = podman.name();
      await podman.ok("run", "-d", "--name", id, "box", "sleep", "1000000");
      const rows = (await podman.ok("top", id, "args")).trim().split("\n");
      await podman.ok("rm", "--force", "-t", "0", id);
      return rows.map((row) => row.trim());
    },
  },
  running("stats", [], async (podman, id) => {
    const text = await podman.ok("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", id);
    return text
      .replace(/[\d.]+/g, "N")
      .replace(id, "ID")
      .replaceAll(/[kMG]?B/g, "B");
  }),
  running(
    "update",
    ["--memory", "64m"],
    async (podman, id) => (await podman.call("update", "--memory", "80m", id)).code,
  ),
  running("rm of one that runs is refused without force", [], async (podman, id) => {
    const { code } = await podman.call("rm", id);
    return { code, later: await podman.ok("exec", id, "echo", "on") };
  }),
];

export const BUILD: Call[] = [
  {
    name: "a build with RUN steps",
    answer: async (podman) => {
      const folder = podman.folderOf("build", {
        Containerfile:
          "FROM box\nENV A=b\nRUN echo $A > /one && id -u >> /one\nWORKDIR /work\nRUN pwd > /two\nUSER 1000\nRUN id -u > /tmp/three\n",
      });
      await podman.ok("build", "--quiet", "--runtime", podman.runtime, "-t", "built", folder);
      return podman.ok("run", "--rm", "built", "cat", "/one", "/two", "/tmp/three");
    },
  },
];
