import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { staticProgram } from "../fixtures/static-program.ts";
import { Podman } from "./podman.ts";

/** Files that podman's users bring along, of containers in a VM. */

let podman: Podman;
let folder: string;
const probe = staticProgram("socket-probe");

beforeAll(async () => {
  podman = await Podman.make("cni");
  folder = mkdtempSync(join(tmpdir(), "nk-podman-files-"));
});
afterAll(async () => {
  await podman[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const run = (flags: readonly string[], ...words: string[]) =>
  podman.call("run", "--rm", "--network=none", ...flags, "box", ...words);

it("a socket that is mounted is the host's, and a notify socket that of who waits", async () => {
  const server = createServer((socket) => socket.end("from the host\n")).listen(join(folder, "docker.sock"));
  const notify = join(folder, "notify");
  const log = join(folder, "notify.log");
  const program = [
    "import socket, sys",
    "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "s.bind(sys.argv[1])",
    "print('bound', flush=True)",
    "while True: open(sys.argv[2], 'ab').write(s.recv(65536) + b'\\n')",
  ].join("\n");
  const receiver = spawn("python3", ["-c", program, notify, log], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => receiver.stdout.once("data", resolve));
  process.env["NOTIFY_SOCKET"] = notify;
  try {
    const mounts = ["-v", `${folder}/docker.sock:/run/docker.sock`, "-v", `${probe}:/bin/probe`];
    const script = "probe ask /run/docker.sock </dev/null; probe tell $NOTIFY_SOCKET READY=1";
    expect(await run(["--sdnotify=container", ...mounts], "sh", "-c", script)).toEqual({
      code: 0,
      stdout: "from the host\n",
      stderr: "",
    });
    await expect.poll(() => existsSync(log) && readFileSync(log, "utf8")).toContain("READY=1");
  } finally {
    delete process.env["NOTIFY_SOCKET"];
    receiver.kill();
    server.close();
  }
});

it("what names something of the host's kernel is refused, and all devices at once are left out", async () => {
  const fifo = join(folder, "fifo");
  const disk = join(folder, "disk");
  execFileSync("mkfifo", [fifo]);
  execFileSync("mknod", [disk, "b", "7", "99"]);
  const refused = [
    [["-v", `${fifo}:/run/fifo`], `mount /run/fifo: ${fifo} is a fifo`],
    [["--device", `${disk}:/dev/xvda`], "linux.devices: /dev/xvda (b 7:99) is a device of the host"],
    [["-v", "/dev:/dev"], "mount /dev: /dev has devices of the host"],
  ] as const;
  for (const [flags, words] of refused) {
    const { code, stderr } = await run(flags, "true");
    expect(stderr).toContain(words);
    expect(code).toBe(126);
  }
  const script =
    "ls -l /dev | grep -c ^b; echo x >/dev/null && test -c /dev/fuse -a -c /dev/net/tun && echo there";
  const { stdout, stderr } = await run(["--privileged"], "sh", "-c", script);
  expect({ stdout, stderr }).toEqual({ stdout: "0\nthere\n", stderr: "" });
});

it("podman cp reaches the root and what is bound, and says that it does not reach a tmpfs", async () => {
  const file = join(folder, "file");
  mkdirSync(join(folder, "volume"));
  writeFileSync(file, "from the host\n");
  await podman.run("c", ["--network=none", "--tmpfs", "/scratch", "-v", `${folder}/volume:/volume`]);
  await podman.shell("c", "echo inside >/scratch/in; echo inside >/in");
  await podman.ok("cp", file, "c:/from-host");
  await podman.ok("cp", file, "c:/volume/from-host");
  await podman.ok("cp", "c:/in", join(folder, "out"));
  expect(await podman.shell("c", "cat /from-host /volume/from-host")).toBe("from the host\n".repeat(2));
  expect(readFileSync(join(folder, "out"), "utf8")).toBe("inside\n");
  const into = await podman.call("cp", file, "c:/scratch/x");
  expect(into.stderr).toContain("open /scratch/x: read-only file system");
  const out = await podman.call("cp", "c:/scratch/in", join(folder, "none"));
  expect(out.stderr).toContain('"/scratch/in" could not be found on container c');
  expect([into.code, out.code]).toEqual([125, 125]);
});
