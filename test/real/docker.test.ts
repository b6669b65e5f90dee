import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROUTER } from "../fixtures/network/lab.ts";
import { Docker } from "./docker.ts";

const SERVE = "echo here > /tmp/index.html; httpd -p 80 -h /tmp; exec sleep 1000000";
const GET = "wget -q -O - http://";

let docker: Docker;

/** What the host gets at a published port. While nobody serves behind it, docker's proxy takes the connection and breaks it off. */
const published = (port: number): Promise<string> =>
  docker.lab.run(docker.lab.host, ["sh", "-c", `curl -s -m 10 http://127.0.0.1:${port}/ || true`]);

beforeAll(async () => {
  docker = await Docker.make();
});
afterAll(() => docker[Symbol.asyncDispose]());

describe.each(["nk", "nk-vm"])("docker with the runtime %s", (runtime) => {
  const run = (...words: string[]): string[] => ["run", "--rm", "--runtime", runtime, ...words];

  it("passes streams and the exit status on", async () => {
    const call = run("-i", "box", "sh", "-c", "cat; echo err >&2; exit 42");
    expect(await docker.call(call, "in\n")).toMatchObject({ code: 42, stdout: "in\n", stderr: "err\n" });
    const { code, stderr } = await docker.call(run("box", "no-such-command"));
    expect(code).toBe(127);
    expect(stderr).toContain("executable file not found");
  });

  it("gives a container what its flags say", async () => {
    const flags = [
      "-u",
      "user",
      "-w",
      "/tmp",
      "-e",
      "A=b",
      "-h",
      "box1",
      "--read-only",
      "--tmpfs",
      "/t",
      "--init",
    ];
    const line =
      "id -u; pwd; echo $A; hostname; touch /x || touch /t/x && echo ok; head -c 17 /proc/1/cmdline";
    const { stdout } = await docker.call(run(...flags, "box", "sh", "-c", line));
    expect(stdout).toBe("1000\n/tmp\nb\nbox1\nok\n/sbin/docker-init");
  });
});

describe("a container of docker in a VM", () => {
  beforeAll(() => docker.run("web", ["-p", "8080:80"], SERVE));
  afterAll(() => docker.call(["rm", "--force", "web"]));

  it("is in a VM", async () => {
    const kernel = readFileSync("/proc/sys/kernel/random/boot_id", "utf8");
    expect(await docker.shell("web", "cat /proc/sys/kernel/random/boot_id")).not.toBe(kernel);
  });

  it("publishes a port, and reaches what is behind the host", async () => {
    await expect.poll(() => published(8080)).toBe("here\n");
    expect(await docker.shell("web", `${GET}${ROUTER.v4}/`)).toBe("203.0.113.2\n");
  });

  it("takes one more network while it runs, and gives it back", async () => {
    await docker.ok(["network", "create", "one"]);
    await docker.run("far", ["--network", "one"], SERVE);
    const address = await docker.inspect("far", "{{.NetworkSettings.Networks.one.IPAddress}}");
    await docker.ok(["network", "connect", "one", "web"]);
    await expect.poll(() => docker.shell("web", "ip -o link")).toContain("eth1");
    expect(await docker.shell("web", `${GET}${address}/`)).toBe("here\n");
    await docker.ok(["network", "disconnect", "one", "web"]);
    await expect.poll(() => docker.shell("web", "ip -o link")).not.toContain("eth1");
    await docker.ok(["rm", "--force", "far"]);
    await docker.ok(["network", "rm", "one"]);
  });

  it("finds containers of its network by name, and shares its own with another", async () => {
    await docker.ok(["network", "create", "names"]);
    await docker.run("there", ["--network", "names"], SERVE);
    await docker.run("asks", ["--network", "names"], "exec sleep 1000000");
    expect(await docker.shell("asks", "cat /etc/resolv.conf")).toContain("nameserver 127.0.0.11");
    await expect.poll(() => docker.shell("asks", `${GET}there/`)).toBe("here\n");
    const inside = ["run", "--rm", "--network", "container:there", "box", "sh", "-c"];
    expect(await docker.ok([...inside, `${GET}127.0.0.1/; ${GET}there/`])).toBe("here\nhere\n");
    await docker.ok(["rm", "--force", "there", "asks"]);
    await docker.ok(["network", "rm", "names"]);
  });

  it("runs further commands, and copies files both ways", async () => {
    expect(await docker.call(["exec", "-i", "web", "sh", "-c", "cat; exit 5"], "in\n")).toMatchObject({
      code: 5,
      stdout: "in\n",
    });
    const folder = mkdtempSync(join(tmpdir(), "nk-cp-"));
    try {
      writeFileSync(join(folder, "there"), "up\n");
      await docker.ok(["cp", join(folder, "there"), "web:/root/there"]);
      expect(await docker.shell("web", "cat /root/there && echo down > /root/back")).toBe("up\n");
      await docker.ok(["cp", "web:/root/back", join(folder, "back")]);
      expect(readFileSync(join(folder, "back"), "utf8")).toBe("down\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("shows of the host's processes none but its own", async () => {
    const [, ...rows] = (await docker.ok(["top", "web", "-o", "pid,args"])).trim().split("\n");
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatch(new RegExp(`^${await docker.inspect("web", "{{.State.Pid}}")} .* sh -c`));
  });

  it("is paused and goes on", async () => {
    await docker.ok(["pause", "web"]);
    expect(await docker.inspect("web", "{{.State.Status}}")).toBe("paused");
    await docker.ok(["unpause", "web"]);
    expect(await docker.shell("web", `${GET}127.0.0.1/`)).toBe("here\n");
  });

  it("has files, folders and volumes of the host, writable or not", async () => {
    const folder = mkdtempSync(join(tmpdir(), "nk-volume-"));
    try {
      writeFileSync(join(folder, "there"), "here\n");
      const flags = ["-v", `${folder}:/rw`, "-v", `${folder}/there:/ro:ro`, "-v", "volume:/volume"];
      const line = "cat /ro; echo x > /ro; echo new > /rw/new; echo kept > /volume/file";
      expect(await docker.ok(["run", "--rm", ...flags, "box", "sh", "-c", line])).toBe("here\n");
      expect(readFileSync(join(folder, "new"), "utf8")).toBe("new\n");
      expect(await docker.ok(["run", "--rm", "-v", "volume:/v", "box", "cat", "/v/file"])).toBe("kept\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is started again when its VM was killed, with its port", async () => {
    await docker.run("always", ["--restart=always", "-p", "8081:80"], SERVE);
    process.kill(await docker.vmmPid("always"), "SIGKILL");
    await expect
      .poll(() => docker.inspect("always", "{{.RestartCount}} {{.State.Status}}"))
      .toBe("1 running");
    await expect.poll(() => published(8081)).toBe("here\n");
    await docker.ok(["rm", "--force", "always"]);
  });

  it("ends at stop, with its own status", async () => {
    await docker.run("ends", [], 'trap "echo term; exit 7" TERM; while :; do sleep 0.1; done');
    await docker.ok(["stop", "ends"]);
    expect(await docker.inspect("ends", "{{.State.ExitCode}}")).toBe("7");
    expect(await docker.ok(["logs", "ends"])).toBe("term\n");
    await docker.ok(["start", "ends"]);
    await docker.ok(["kill", "ends"]);
    expect(await docker.ok(["wait", "ends"])).toBe("137\n");
  });

  it("was ended for its memory, says docker", async () => {
    await docker.call(["run", "--name", "eater", "-m", "40m", "box", "tail", "/dev/zero"]);
    expect(await docker.inspect("eater", "{{.State.ExitCode}} {{.State.OOMKilled}}")).toBe("137 true");
    await docker.ok(["rm", "eater"]);
  });

  it("has no network where it is to have none", async () => {
    const addresses = await docker.ok(["run", "--rm", "--network=none", "box", "ip", "-o", "addr"]);
    for (const line of addresses.trim().split("\n")) expect(line).toContain(" lo ");
  });

  it("is refused the host's network, with what can be had instead", async () => {
    const { code, stderr } = await docker.call(["run", "--rm", "--network=host", "box", "true"]);
    expect(code).toBe(125);
    expect(stderr).toContain("--vm-net=tap");
  });
});
