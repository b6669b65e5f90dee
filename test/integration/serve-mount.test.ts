import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Deadline } from "../../src/base/deadline.ts";
import { BoundedLog } from "../../src/host/bounded-log.ts";
import { MS } from "../../src/host/mount-flags.ts";
import type { ShadowPlan } from "../../src/host/shadow-plan.ts";
import { DiodServer, findDiod } from "../../src/share/diod.ts";
import { NINE_P_VSOCK_OPTIONS } from "../../src/share/nine-p-vsock.ts";
import {
  makeHostFolder,
  QEMU_SHARES,
  runShareCase,
  SHARE_CASES,
  type SharedFolder,
} from "../vm/share-cases.ts";
import { buildNative, Rig } from "./shadow-rig.ts";

/**
 * The share 9p-vsock without a VM: this host's own 9p client mounts over the Unix socket at which a VMM would arrive. Needs a kernel
 * with 9p; what is not tried is the connection through vsock.
 */
const share = QEMU_SHARES["9p-vsock"] ?? { flags: [], differences: {} };

function mounts9p(): boolean {
  try {
    execFileSync("modprobe", ["-a", "9p", "9pnet_fd"], { stdio: "ignore" });
  } catch {
    // Built in, or not there.
  }
  return /\t9p$/m.test(readFileSync("/proc/filesystems", "utf8"));
}

describe.skipIf(!mounts9p())(
  "a tree that the kernel of this host mounts (not tried without 9p in it)",
  () => {
    let rig: Rig;
    let log: BoundedLog;
    let server: DiodServer;
    let source: string;
    let mountPoint: string;
    let folder: SharedFolder;

    beforeAll(async () => {
      buildNative();
      rig = new Rig();
      log = new BoundedLog(join(rig.dir, "share.log"));
      mountPoint = join(rig.dir, "mounted");
      mkdirSync(mountPoint);
      const { folder: host, file } = makeHostFolder();
      source = host;
      const mounts: ShadowPlan["mounts"] = [
        { kind: "volume", source: host, flags: MS.BIND | MS.REC },
        { kind: "volume", source: file, flags: MS.BIND | MS.RDONLY },
      ];
      const pid = await rig.create({ mounts }).pid();
      const path = join(rig.dir, "9p.sock");
      server = new DiodServer(findDiod() ?? "", pid, { kind: "unix", path, port: 5640, uid: 0, gid: 0 }, log);
      await server.start(Deadline.after(10_000));
      const options = NINE_P_VSOCK_OPTIONS.replace("trans=fd", "trans=unix");
      execFileSync("mount", ["-t", "9p", "-o", options, path, mountPoint]);
      folder = {
        host,
        sh: (script) => run("sh", "-c", here(script)),
        run: async (...words) => void (await run(...words.map(here))),
      };
    });

    afterAll(async () => {
      execFileSync("umount", [mountPoint]);
      expect((await server.failed).message).toContain("exited with code 0");
      log.close();
      rig.close();
      rmSync(source, { recursive: true });
    });

    /** The paths of a guest, as what its runtime would mount there. */
    function here(text: string): string {
      return text.replaceAll(/\/data\b/g, `${mountPoint}/0`).replaceAll("/etc/one-file", `${mountPoint}/1`);
    }

    async function run(...[program = "", ...args]: string[]): Promise<string> {
      return (await promisify(execFile)(program, args)).stdout;
    }

    it.for(Object.keys(SHARE_CASES))("%s", (name, { skip }) => runShareCase(share, name, folder, skip));
  },
);
