import { copyFileSync, mkdirSync, readFileSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { staticProgram } from "../fixtures/static-program.ts";
import { Runtime } from "./runtime.ts";

/** Who watches a folder that host and guest share: each kernel tells of what is done through itself (docs/vm-mode.md). */

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});
afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

it.each(["virtiofs", "9p"])(
  "by %s: content comes at once, and events of one's own side alone",
  async (share) => {
    const folder = join(runtime.root, ".folder");
    mkdirSync(folder);
    const bundle = await runtime.bundle({
      args: ["sh", "-c", "watch-folder /folder > /seen"],
      mounts: [{ destination: "/folder", source: folder, options: ["rbind", "rw"] }],
    });
    copyFileSync(staticProgram("watch-folder"), join(bundle.rootfs, "bin/watch-folder"));
    const id = runtime.id();
    await runtime.detached(["run", "-d", "--mode=vm", `--vm-share=${share}`, "--bundle", bundle.dir, id]);
    const seen = (): string[] => readFileSync(join(bundle.rootfs, "seen"), "utf8").split("\n");
    await expect.poll(seen).toContain("ready");
    const onHost = new Set<string | null>();
    const watcher = watch(folder, (_, name) => onHost.add(name));
    try {
      writeFileSync(join(folder, "by-host"), "of the host\n");
      await runtime.ok(["exec", id, "sh", "-c", "cat /folder/by-host > /folder/by-guest"]);
      // The order of events is that of what was done: the guest's would have come after the host's.
      await expect.poll(seen).toContain("by-guest");
      expect(seen()).not.toContain("by-host");
      expect(readFileSync(join(folder, "by-guest"), "utf8")).toBe("of the host\n");
      await expect.poll(() => [...onHost]).toEqual(expect.arrayContaining(["by-host", "by-guest"]));
    } finally {
      watcher.close();
    }
  },
);
