import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Deadline } from "../../base/deadline.ts";
import { asNkError, type NkError } from "../../base/errors.ts";
import type { KernelImage } from "../../image/kernel.ts";
import { traced } from "../../trace/channels.ts";
import type { KvmVerdict } from "../accel.ts";
import { kernelCmdline } from "../kernel-cmdline.ts";
import { closeLogs, openLogs, tailOf, type VmLogs } from "../logs.ts";
import type { VmExit } from "../virtual-machine.ts";
import { startInstance } from "./api/actions.ts";
import { ApiError } from "./api/api-error.ts";
import { choosePlace, type PlacedShape } from "./choose-place.ts";
import { configure } from "./configure.ts";
import { FIRECRACKER_PARAMETERS } from "./parameters.ts";
import type { Place, PlaceFile } from "./place.ts";
import { fifosIn, FirecrackerProcess } from "./process.ts";

/** A guest takes 0.2 s to its panic on hardware, and some seconds where KVM is itself emulated. */
const TIMEOUT_MS = 10_000;
const MEM_SIZE_MIB = 96;
const TAIL_CHARACTERS = 400;

/**
 * Boots the guest's kernel under Firecracker with nothing to start. That it comes to its panic for lack of a root file system, and says so, proves that whole
 * programs run. It is started where a VM's would be, in a jail or not, and is told all by its API: a jail that it cannot start in, or a filter of system calls that
 * its own API falls over, would else be found by the first container.
 */
export async function tryFirecracker(shape: PlacedShape, kernel: KernelImage): Promise<KvmVerdict> {
  const stateDir = mkdtempSync(join(tmpdir(), "nk-fc-"));
  const place = choosePlace(shape, { stateDir });
  const logs = openLogs(stateDir);
  const why = "/dev/kvm opens on hosts where no guest runs; only a guest that ran is proof";
  const what = `${shape.program} with ${kernel.path}`;
  try {
    return await traced("vmm", "try hardware virtualisation", { why, what }, () =>
      runTinyGuest(place, stateDir, kernel, logs),
    );
  } finally {
    place.close();
    closeLogs(logs);
    rmSync(stateDir, { recursive: true, force: true });
  }
}

async function runTinyGuest(
  place: Place,
  stateDir: string,
  kernel: KernelImage,
  logs: VmLogs,
): Promise<KvmVerdict> {
  const deadline = Deadline.after(TIMEOUT_MS);
  const fifos = fifosIn(stateDir);
  const files: [PlaceFile, PlaceFile] = [
    { name: "kernel", path: kernel.path, readOnly: true },
    { name: "metrics", path: fifos.metrics, readOnly: false },
  ];
  const process = await FirecrackerProcess.start(place, files, fifos, logs, () => {});
  try {
    const exit = await endOf(process, startGuest(process, place, files, deadline), deadline);
    if (exit.reason === "panic")
      return { usable: true, reason: "KVM works: a tiny guest ran under Firecracker" };
    return didNotRun(exit.message, kernel, logs);
  } catch (error) {
    return verdictOn(asNkError(error), kernel, logs);
  } finally {
    process.kill();
    await process.exited;
    process.close();
  }
}

/** How it ended, which it may have done before the last answer was read. */
async function endOf(
  process: FirecrackerProcess,
  started: Promise<void>,
  deadline: Deadline,
): Promise<VmExit> {
  await started.catch((error: unknown) => {
    if (process.running) throw error;
  });
  return deadline.race(process.exited, "the end of a tiny guest under KVM");
}

async function startGuest(
  process: FirecrackerProcess,
  place: Place,
  [kernel, metrics]: [PlaceFile, PlaceFile],
  deadline: Deadline,
): Promise<void> {
  const cmdline = kernelCmdline({
    own: FIRECRACKER_PARAMETERS,
    accel: "kvm",
    tscKhz: undefined,
    debug: false,
    extra: "",
  });
  const config = {
    vcpus: 1,
    memSizeMib: MEM_SIZE_MIB,
    kernel: place.pathOf(kernel),
    cmdline,
    vsock: place.vsockPath,
    metrics: place.pathOf(metrics),
  };
  const api = await process.ready(deadline);
  const start = async (): Promise<void> => {
    await configure(api, config, deadline);
    await startInstance(api, deadline);
  };
  await process.alive(start(), deadline, "make a tiny guest");
}

function verdictOn(error: NkError, kernel: KernelImage, logs: VmLogs): KvmVerdict {
  const { code, message } = error;
  if (code === "TIMEOUT") {
    const reason = `a tiny guest under Firecracker did not get through its boot within ${TIMEOUT_MS / 1000} s`;
    return { usable: false, reason, detail: detailOf(message, logs), unproven: true };
  }
  // It is too old, and says so itself.
  if (code === "UNSUPPORTED" && !(error instanceof ApiError)) return { usable: false, reason: message };
  const verdict = didNotRun(message, kernel, logs);
  // Another kernel may fit, and what the host lacks now it may have later.
  return code === "BAD_CONFIG" || code === "HOST" ? { ...verdict, unproven: true } : verdict;
}

/** A sentence for everybody, and what Firecracker said for whoever looks into it. */
function didNotRun(why: string, { format }: KernelImage, logs: VmLogs): KvmVerdict {
  const verdict = { usable: false, detail: detailOf(why, logs) };
  const reason = "a tiny guest under Firecracker did not run";
  if (format === "elf") return { ...verdict, reason: `${reason}: ${why}` };
  return { ...verdict, reason: `${reason}: its kernel is a ${format}`, unproven: true };
}

function detailOf(message: string, logs: VmLogs): string {
  return `${message} (${tailOf(logs).slice(-TAIL_CHARACTERS)})`;
}
