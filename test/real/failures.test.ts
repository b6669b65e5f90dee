import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cpioArchive } from "../../src/image/cpio.ts";
import { Containerd, IMAGE } from "./containerd.ts";
import { Podman, RUNTIMES } from "./podman.ts";

/** What a caller shows of a failure in VM mode: our one line with the cause, which came to it by the JSON log. */

describe("podman shows", () => {
  let podman: Podman;

  beforeAll(async () => {
    podman = await Podman.make("netavark", { runtime: RUNTIMES.vm.path, settings: {} });
  });
  afterAll(() => podman[Symbol.asyncDispose]());

  const run = (...words: string[]) => podman.call("run", "--rm", "--network=none", ...words);

  it("why a mount cannot be made", async () => {
    const folder = podman.folderOf("mount", { file: "" });
    const { code, stderr } = await run("-v", `${folder}/file:/bin`, "box", "true");
    expect(code).toBe(126);
    expect(stderr).toMatch(
      /^Error: .*nk-runtime-vm: cannot mount \S+ on \/bin: the mount point is a directory.*\n$/,
    );
  });

  it("that the monitor was killed, and can remove the container", async () => {
    await podman.run("orphan", ["--network=none"]);
    const id = await podman.inspect("orphan", "{{.Id}}");
    const record = readFileSync(join(podman.states, id, "state.json"), "utf8");
    const { vm } = JSON.parse(record) as { vm: { monitorPid: number } };
    process.kill(vm.monitorPid, "SIGKILL");
    await podman.ok("wait", "orphan");
    const { code } = await podman.call("exec", "orphan", "true");
    expect(code).not.toBe(0);
    expect(await podman.inspect("orphan", "{{.State.ExitCode}}")).toBe("137");
    await podman.ok("rm", "orphan");
  });
});

it("podman shows why a VM cannot boot", async () => {
  const folder = mkdtempSync(join(tmpdir(), "nk-no-init-"));
  const rootfs = join(folder, "initramfs.cpio");
  writeFileSync(rootfs, cpioArchive([]));
  const settings = { mode: "vm", vm: { rootfs } };
  try {
    await using podman = await Podman.make("netavark", { runtime: RUNTIMES.vm.path, settings });
    const { code, stderr } = await podman.call("run", "--rm", "--network=none", "box", "true");
    expect(code).toBe(126);
    expect(stderr).toMatch(/^Error: .*nk-runtime-vm: .*kernel panic/i);
    expect(await podman.ok("ps", "--all", "--quiet")).toBe("");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe("a build by buildah shows", () => {
  it("the command that failed, and why a RUN could not begin", async () => {
    await using podman = await Podman.make("netavark", { runtime: RUNTIMES.vm.path, settings: {} });
    const build = async (line: string) => {
      const folder = podman.folderOf("build", { Containerfile: `FROM box\nRUN ${line}\n` });
      return podman.call("build", "--quiet", "--runtime", RUNTIMES.vm.path, folder);
    };
    expect((await build("exit 3")).stderr).toContain("exit status 3");
    expect((await build('["nowhere"]')).stderr).toContain(
      'exec: "nowhere": executable file not found in $PATH',
    );
  });
});

describe("ctr shows", () => {
  let containerd: Containerd;

  beforeAll(async () => {
    containerd = await Containerd.make();
  });
  afterAll(() => containerd[Symbol.asyncDispose]());

  const run = (...words: string[]) =>
    containerd.call(
      "run",
      "--rm",
      "--runc-binary",
      containerd.runtime("vm"),
      "--snapshotter",
      "native",
      ...words,
    );

  it("that a program is missing", async () => {
    const { code, stderr } = await run(IMAGE, "missing", "nowhere");
    expect(code).toBe(1);
    expect(stderr).toContain('exec: "nowhere": executable file not found in $PATH');
  });

  it("why a mount cannot be made", async () => {
    const file = join(containerd.folder, "file");
    writeFileSync(file, "");
    const { code, stderr } = await run(
      "--mount",
      `type=bind,src=${file},dst=/bin,options=rbind`,
      IMAGE,
      "mount",
      "true",
    );
    expect(code).toBe(1);
    expect(stderr).toContain("on /bin: the mount point is a directory");
  });
});
