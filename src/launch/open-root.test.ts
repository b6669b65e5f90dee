import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadBundle } from "../oci/bundle.ts";
import type { SettledShape } from "../vm/shape.ts";
import { openRootOf } from "./open-root.ts";

let above: string;
let bundle: string;

beforeEach(() => {
  above = mkdtempSync(join(tmpdir(), "nk-open-root-"));
  chmodSync(above, 0o755);
  bundle = join(above, "bundle");
  mkdirSync(join(bundle, "a/rootfs"), { recursive: true });
});

afterEach(() => rmSync(above, { recursive: true }));

const SHARE = { root: "share" } as const;
const DISK = { root: "disk" } as const;

function found(config: Record<string, unknown> = {}, shape?: Pick<SettledShape, "root">, sync = false) {
  const whole = {
    ociVersion: "1.0.2",
    process: { args: ["sh"], cwd: "/" },
    root: { path: "a/rootfs" },
    ...config,
  };
  writeFileSync(join(bundle, "config.json"), JSON.stringify(whole));
  return openRootOf(loadBundle(bundle), { sync }, shape);
}

describe("a writable root file system that users of the host can reach", () => {
  it("is told of, with what closes the bundle", () => {
    expect(found()).toEqual({
      found: expect.stringContaining(`${bundle}/a/rootfs`) as unknown,
      mend: `chmod 700 ${bundle}`,
    });
    expect(found({}, SHARE)).toBeDefined();
  });

  it("has to be moved where no folder of the bundle is above it", () => {
    const mend = "move it into a folder of mode 0700";
    expect(found({ root: { path: "." } })).toMatchObject({ mend });
    mkdirSync(join(above, "elsewhere"));
    expect(found({ root: { path: join(above, "elsewhere") } })).toMatchObject({ mend });
  });

  it.each(["", "bundle", "bundle/a"])("is closed by one folder above it: %j", (name) => {
    chmodSync(join(above, name), 0o750);
    expect(found()).toBeUndefined();
  });

  it("is not closed by its own mode, which the container changes", () => {
    chmodSync(join(bundle, "a/rootfs"), 0o700);
    expect(found()).toBeDefined();
  });
});

describe("nothing is said where the container", () => {
  it("cannot write to it", () => {
    expect(found({ root: { path: "a/rootfs", readonly: true } })).toBeUndefined();
  });

  it("writes to a disk of its VM, unless that is copied back or the VM has none", () => {
    expect(found({}, DISK)).toBeUndefined();
    expect(found({}, DISK, true)).toBeDefined();
    expect(found({}, undefined)).toBeDefined();
  });

  it("writes as users who are nobody on the host", () => {
    const mappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
    expect(found({ linux: { uidMappings: mappings, gidMappings: mappings } })).toBeUndefined();
  });
});
