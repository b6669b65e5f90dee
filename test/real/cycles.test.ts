import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { scaled } from "../fixtures/scaled.ts";
import { writeFigures } from "../soak/figures.ts";
import { Podman, RUNTIMES } from "./podman.ts";
import { conmons, standing } from "./standing.ts";

const CYCLES = 200;
const LOOK_EVERY = 20;
const TIMEOUT_MS = 3_600_000;

/** Each of them by both ways of a cycle. */
const FLAGS = [[], ["-t"], ["-p", "8080:80"], ["-v", "/etc:/mnt:ro"]];

/** Every second container runs until it is removed. */
async function cycle(podman: Podman, count: number): Promise<void> {
  const flags = [...podman.inCgroup, ...(FLAGS[(count >> 1) % FLAGS.length] ?? [])];
  if (count % 2 === 0) {
    const said = await podman.call("run", "--rm", ...flags, "box", "sh", "-c", "exit 3");
    expect(said).toMatchObject({ code: 3 });
    return;
  }
  const name = podman.name();
  await podman.run(name, flags);
  const netns = await podman.inspect(name, "{{.NetworkSettings.SandboxKey}}");
  await podman.ok("rm", "--force", "--time", "0", name);
  expect({ netns, isThere: existsSync(netns) }).toEqual({ netns, isThere: false });
}

/** No process stays from one to the next: what could grow is what is counted here. */
it(
  `podman leaves nothing behind in ${CYCLES} runs of containers in VMs`,
  async () => {
    await using podman = await Podman.make("netavark", { runtime: RUNTIMES.vm.path, settings: {} });
    // podman makes chains of rules for the first published port, and keeps them.
    for (let count = 0; count < 2 * FLAGS.length; count += 1) await cycle(podman, count);
    await expect.poll(() => conmons(podman.folder)).toEqual([]);
    const before = await standing(podman);
    const cycleMs: number[] = [];
    for (let count = 1; count <= CYCLES; count += 1) {
      const startMs = performance.now();
      await cycle(podman, count);
      cycleMs.push(Math.round(performance.now() - startMs));
      if (count % LOOK_EVERY > 0) continue;
      writeFigures("podman", { cycles: count, cycleMs });
      // The last conmon may be about to end.
      await expect.poll(() => standing(podman), { message: `after ${count} cycles` }).toEqual(before);
    }
  },
  scaled(TIMEOUT_MS),
);
