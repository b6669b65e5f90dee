import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scaled } from "../fixtures/scaled.ts";
import { Programs } from "./programs.ts";

/** systemd as the first process of a container, as podman prepares it. */
let programs: Programs;
beforeAll(async () => {
  programs = await Programs.open("systemd");
});
afterAll(() => programs[Symbol.asyncDispose]());

const BOOT_MS = 180_000;

describe.each(["runc", "virtiofs", "block"])("by %s", (mode) => {
  /** A container whose units are all up or have failed; its name. */
  async function booted(): Promise<string> {
    const { podman } = programs;
    const name = podman.name();
    const state = async (): Promise<string> =>
      (await podman.call("exec", name, "systemctl", "is-system-running")).stdout;
    await podman.ok("run", "-d", "--name", name, "--systemd=always", ...programs.flags(mode), "/sbin/init");
    await expect
      .poll(state, { timeout: scaled(BOOT_MS), interval: 1000 })
      .toMatch(/running|degraded|maintenance/);
    return name;
  }

  it("its units come up, and a power-off ends the container", async () => {
    const { podman } = programs;
    const name = await programs.timed("systemd", mode, booted);
    expect(await podman.ok("exec", name, "systemctl", "--failed", "--plain", "--no-legend")).toBe("");
    // It may end before it has answered.
    await podman.call("exec", name, "systemctl", "poweroff");
    expect((await podman.ok("wait", name)).trim()).toBe("0");
    await podman.ok("rm", name);
  });

  it("a stop is the signal that it takes for one", async () => {
    const { podman } = programs;
    const name = await booted();
    await podman.ok("stop", "-t", "60", name);
    expect(await podman.inspect(name, "{{.State.ExitCode}}")).toBe("0");
    await podman.ok("rm", name);
  });
});
