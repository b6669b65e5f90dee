import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Deadline } from "../../base/deadline.ts";
import { asNkError } from "../../base/errors.ts";
import type { KernelImage } from "../../image/kernel.ts";
import { BoundedLog } from "../../host/bounded-log.ts";
import { Daemon, describeExit } from "../../host/daemon.ts";
import { traced } from "../../trace/channels.ts";
import type { KvmVerdict } from "../accel.ts";
import { kernelCmdline } from "../kernel-cmdline.ts";
import { checkMinimum, parseVersion } from "./api/versions.ts";
import { MAX_FILES } from "./jail.ts";

/** A guest takes 0.2 s to its panic on hardware, and some seconds where KVM is itself emulated. */
const TIMEOUT_MS = 10_000;
const MEM_SIZE_MIB = 96;
const CONFIG = "vm.json";

/**
 * Boots the guest's kernel under Firecracker with nothing to start. That it comes to its panic for lack of a root file system, and says so, proves that whole
 * programs run. Configured by a file and without an API, which is one start of the program and nothing else.
 */
export async function tryFirecracker(firecracker: string, kernel: KernelImage): Promise<KvmVerdict> {
  const dir = mkdtempSync(join(tmpdir(), "nk-fc-"));
  const log = new BoundedLog(join(dir, "vmm.log"));
  writeFileSync(join(dir, CONFIG), JSON.stringify(configOf(kernel)));
  const argv: [string, ...string[]] = [
    firecracker,
    "--no-api",
    "--config-file",
    join(dir, CONFIG),
    "--log-path",
    log.path,
  ];
  const why = "/dev/kvm opens on hosts where no guest runs; only a guest that ran is proof";
  try {
    const tooOld = await whyTooOld(firecracker);
    if (tooOld !== undefined) return { usable: false, reason: tooOld };
    return await traced("vmm", "try hardware virtualisation", { why, what: argv.join(" ") }, () =>
      run(argv, log, kernel),
    );
  } finally {
    log.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Later its API tells the version; `auto` would then have chosen it already. */
function whyTooOld(firecracker: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(firecracker, ["--version"], { timeout: TIMEOUT_MS, killSignal: "SIGKILL" }, (_, stdout) => {
      const found = /^Firecracker (v\S+)/.exec(stdout)?.[1] ?? stdout.trim();
      try {
        checkMinimum(parseVersion(found));
        resolve(undefined);
      } catch (error) {
        resolve(asNkError(error).message);
      }
    });
  });
}

function configOf(kernel: KernelImage) {
  const cmdline = kernelCmdline({
    vmm: "firecracker",
    accel: "kvm",
    tscKhz: undefined,
    debug: false,
    extra: "",
  });
  return {
    "boot-source": { kernel_image_path: kernel.path, boot_args: cmdline },
    drives: [],
    "machine-config": { vcpu_count: 1, mem_size_mib: MEM_SIZE_MIB },
  };
}

async function run(
  argv: [string, ...string[]],
  log: BoundedLog,
  { format }: KernelImage,
): Promise<KvmVerdict> {
  let console = "";
  const daemon = new Daemon({
    name: "Firecracker",
    argv,
    log,
    onStdout: (chunk) => {
      console = (console + chunk.toString("latin1")).slice(-8192);
    },
    maxFiles: MAX_FILES,
  });
  try {
    const exit = await Deadline.after(TIMEOUT_MS).race(daemon.exited, "the end of a tiny guest under KVM");
    if (exit.code === 0 && console.includes("Kernel panic"))
      return { usable: true, reason: "KVM works: a tiny guest ran under Firecracker" };
    const detail = `Firecracker ${describeExit(exit)} (${log.tail().slice(-400)})`;
    const reason = "a tiny guest under Firecracker did not run";
    if (format === "elf") return { usable: false, reason, detail };
    return { usable: false, reason: `${reason}: its kernel is a ${format}`, detail, unproven: true };
  } catch (error) {
    const reason = `a tiny guest under Firecracker did not get through its boot within ${TIMEOUT_MS / 1000} s`;
    return { usable: false, reason, detail: asNkError(error).message, unproven: true };
  } finally {
    daemon.kill("SIGKILL");
    await daemon.exited;
  }
}
