import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { HAS_KVM } from "../fixtures/fake-firecracker.ts";
import { FIRECRACKER, useStandIn } from "./firecracker-rig.ts";
import { started, typed as typedIn } from "./typed.ts";

/** The workflow that VM mode is made for, typed on the installed command: `run` in one terminal, the rest in another. */
const INSTALL = fileURLToPath(new URL("../../scripts/install.sh", import.meta.url));
const IMAGE_DIR = "/var/lib/nano-sandbox/vm";

/** A row, where the stand-in can be driven. */
const onStandIn = (...row: string[]): string[][] => (HAS_KVM ? [row] : []);

const wasInstalled = existsSync(IMAGE_DIR);
let prefix: string;

beforeAll(() => {
  prefix = mkdtempSync(join(tmpdir(), "nk-prefix-"));
  execFileSync(INSTALL, ["--prefix", prefix], { stdio: "ignore" });
});

afterAll(() => {
  // An installation that was there before shares its guest image with ours: it keeps it.
  if (!wasInstalled) execFileSync(INSTALL, ["--prefix", prefix, "--uninstall"], { stdio: "ignore" });
  rmSync(prefix, { recursive: true });
});

function typed(line: string, input = ""): string {
  return typedIn(line, input, environment());
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${prefix}/bin:${process.env["PATH"] ?? ""}` };
}

describe.each([["QEMU", ""], ...onStandIn("Firecracker's stand-in", FIRECRACKER)])(
  "the sequence of phases 1 to 3 on %s",
  (_name, vmm) => {
    const bundle = (): string => `${prefix}/share/nano-sandbox/bundle`;

    beforeEach(() => (vmm === FIRECRACKER ? useStandIn() : undefined));

    afterEach(() => {
      try {
        typed("nk-runtime vm-delete --force test-vm 2>/dev/null");
      } catch {
        // The test has removed it.
      }
    });

    it("makes, starts, shows, stops and deletes a VM", () => {
      typed(`nk-runtime vm-create ${vmm} --vm-vcpus=1 --vm-memory=512 test-vm`);
      expect(typed("nk-runtime vm-state test-vm")).toBe("created\n");
      typed("nk-runtime vm-start test-vm");
      expect(typed("nk-runtime vm-state test-vm")).toBe("running\n");
      typed("nk-runtime vm-stop test-vm");
      expect(typed("nk-runtime vm-state test-vm")).toBe("stopped\n");
      typed("nk-runtime vm-delete test-vm");
      expect(() => typed("nk-runtime vm-state test-vm 2>/dev/null")).toThrow();
    });

    it("answers a health check, and requests to its agent", () => {
      typed(`nk-runtime vm-create ${vmm} --bundle=${bundle()} test-vm`);
      typed("nk-runtime vm-start test-vm");
      const socket = "/run/nano-sandbox/test-vm/control.sock";
      expect(typed(`curl -s --unix-socket ${socket} http://localhost/health`)).toBe('{"status":"ready"}');
      const create = '{"type":"create","id":"test","bundle":"/mnt/bundle"}';
      expect(JSON.parse(typed(`echo '${create}' | nk-runtime vm-agent test-vm`))).toMatchObject({
        status: "success",
        message: "Container created",
      });
      const rest =
        '{"type":"start","id":"test"}\n{"type":"state","id":"test"}\n{"type":"delete","id":"test","force":true}';
      const answers = typed(`nk-runtime vm-agent test-vm`, rest).trim().split("\n");
      expect(answers.map((line) => JSON.parse(line) as unknown)).toMatchObject([
        { status: "success", message: "Container started" },
        { status: "success", container: { status: "running" } },
        { status: "success" },
      ]);
    });
  },
);

describe.each([
  ["phase 4", "mycontainer", ""],
  ["the appendix", "myvmcontainer", "--vm-vcpus=2 --vm-memory=1024 "],
  ...onStandIn("phase 4, on Firecracker's stand-in,", "mycontainer", `${FIRECRACKER} `),
])("the sequence of %s", (_name, id, flags) => {
  beforeEach(() => (flags.includes(FIRECRACKER) ? useStandIn() : undefined));

  it("runs, shows its state, is entered and deleted", async () => {
    const bundle = `${prefix}/share/nano-sandbox/bundle`;
    const { ended } = await started(
      `nk-runtime run --mode=vm ${flags}--bundle=${bundle} ${id}`,
      `nk-runtime state --short ${id}`,
      environment(),
    );
    expect(typed(`nk-runtime state --short ${id}`)).toBe("running (vm)\n");
    const shell = typed(`nk-runtime exec ${id}`, "ps -ef\nexit\n");
    expect(shell).toMatch(/^ *1 .*while :/m);
    expect(shell).toMatch(/\/bin\/sh/);
    typed(`nk-runtime delete ${id}`);
    await ended;
    expect(() => typed(`nk-runtime state ${id} 2>/dev/null`)).toThrow();
  });
});
