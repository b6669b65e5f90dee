import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Deadline } from "../../base/deadline.ts";
import { asNkError } from "../../base/errors.ts";
import { spawnDaemon } from "../../host/daemon-process.ts";
import { BoundedLog } from "../../host/bounded-log.ts";
import type { Confinement } from "../../host/confinement.ts";
import { sandboxUser } from "../../host/sandbox-user.ts";
import { traced } from "../../trace/channels.ts";
import type { KvmVerdict } from "../accel.ts";
import { kernelCmdline } from "../kernel-cmdline.ts";
import type { KernelImage } from "../../image/kernel.ts";
import { qemuArgv } from "./argv.ts";
import { QEMU_PARAMETERS } from "./parameters.ts";
import { devicesOf, programRoot } from "./program-root.ts";
import { QEMU } from "./command.ts";
import { QemuProcess } from "./process.ts";

/** A guest takes 0.2 s to its panic on hardware, and 7 s where KVM is itself emulated. */
const TIMEOUT_MS = 10_000;
const MEM_SIZE_MIB = 96;

/**
 * Runs the guest's kernel under KVM with nothing to start. That it comes to its panic for lack of a root file system, and says so on
 * the console, proves that whole programs run; on hosts where KVM does not work QEMU aborts, stops in the
 * state internal-error, or the kernel hangs without a word (all three seen).
 */
export async function tryKvm(qemu: string, kernel: KernelImage): Promise<KvmVerdict> {
  const root = await programRoot(qemu, "kvm");
  const confinement = {
    ...root,
    user: sandboxUser(devicesOf("kvm")),
    files: [...(root.files ?? []), kernel.path],
  };
  const dir = mkdtempSync(join(tmpdir(), "nk-kvm-"));
  const logs = {
    vmm: new BoundedLog(join(dir, "vmm.log")),
    console: new BoundedLog(join(dir, "console.log")),
  };
  const argv = qemuArgv({
    qemu,
    accel: "kvm",
    vcpus: 1,
    memSizeMib: MEM_SIZE_MIB,
    kernel: kernel.path,
    initrd: undefined,
    cmdline: kernelCmdline({
      own: QEMU_PARAMETERS,
      accel: "kvm",
      tscKhz: undefined,
      debug: false,
      extra: "",
    }),
    knownTsc: false,
    isUnlocked: false,
  });
  const why = "/dev/kvm opens on hosts where no guest runs; only a guest that ran is proof";
  try {
    return await traced("vmm", "try hardware virtualisation", { why, what: argv.join(" ") }, () =>
      run(argv, confinement, logs),
    );
  } finally {
    logs.vmm.close();
    logs.console.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function run(
  argv: [string, ...string[]],
  confinement: Confinement,
  logs: { vmm: BoundedLog; console: BoundedLog },
): Promise<KvmVerdict> {
  const deadline = Deadline.after(TIMEOUT_MS);
  const qemu = new QemuProcess(spawnDaemon({ name: QEMU, argv, channels: 2, confinement }), argv[0], logs);
  try {
    await qemu.ready(deadline);
    const exit = await deadline.race(qemu.exited, "the end of a tiny guest under KVM");
    if (exit.reason === "panic") return { usable: true, reason: "KVM works: a tiny guest ran" };
    return unusable(exit.message, logs);
  } catch (error) {
    const { code, message } = asNkError(error);
    if (code !== "TIMEOUT") return unusable(message, logs);
    return {
      ...unusable(message, logs),
      reason: `a tiny guest under KVM did not get through its boot within ${TIMEOUT_MS / 1000} s`,
      unproven: true,
    };
  } finally {
    qemu.kill();
    await qemu.exited;
    qemu.close();
  }
}

/** One short sentence for everybody; what QEMU said, a line of C with its arguments at worst, for whoever looks into it. */
function unusable(why: string, logs: { vmm: BoundedLog }): KvmVerdict {
  const lastLine = logs.vmm.tail().split("\n").at(-1) ?? "";
  const detail = lastLine === "" ? why : `${why} (${lastLine.slice(0, 200)})`;
  // abort(3) ends the first process of a pid namespace by SIGSEGV: SIGABRT it does not get (pid_namespaces(7)).
  const fate = /SIGABRT|SIGSEGV/.test(detail) ? "made QEMU abort" : "did not run";
  return { usable: false, reason: `a tiny guest under KVM ${fate}`, detail };
}
