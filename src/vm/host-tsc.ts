import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";

/** Records of the kernel's log are at most this long (Documentation/ABI/testing/dev-kmsg). */
const KMSG_RECORD_BYTES = 8192;

/**
 * The rate of the host's time-stamp counter in kHz, which is also that of a guest under TCG; undefined where it cannot be
 * told for sure: a wrong rate would make the guest's clock run wrong for as long as it lives.
 */
export function hostTscKhz(): number | undefined {
  const cpuinfo = readText("/proc/cpuinfo");
  return fromCpuinfo(cpuinfo) ?? fromKernelLog(readKernelLog());
}

/**
 * "cpu MHz" is the counter's rate only where the kernel cannot see the momentary frequency instead: no APERF/MPERF registers,
 * no frequency scaling (arch/x86/kernel/cpu/proc.c). So it is in most virtual machines.
 */
export function fromCpuinfo(
  cpuinfo: string,
  scaling = readText("/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver"),
): number | undefined {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.split(" ") ?? [];
  if (!flags.includes("constant_tsc") || flags.includes("aperfmperf") || scaling !== "") return undefined;
  return toKhz(/^cpu MHz\s*:\s*([\d.]+)/m.exec(cpuinfo)?.[1]);
}

/** The kernel's own findings (arch/x86/kernel/tsc.c); the refined one comes last and is the best. */
export function fromKernelLog(log: string): number | undefined {
  const found = [...log.matchAll(/tsc: (?:Detected|Refined TSC clocksource calibration:) ([\d.]+) MHz/g)];
  return toKhz(found.at(-1)?.[1]);
}

function toKhz(mhz: string | undefined): number | undefined {
  const khz = Math.round(Number(mhz ?? Number.NaN) * 1000);
  return Number.isFinite(khz) && khz > 0 ? khz : undefined;
}

function readKernelLog(): string {
  let fd: number;
  try {
    fd = openSync("/dev/kmsg", constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return "";
  }
  const record = Buffer.alloc(KMSG_RECORD_BYTES);
  let text = "";
  try {
    for (;;) text += record.toString("latin1", 0, readSync(fd, record));
  } catch {
    return text; // EAGAIN at the end of the log
  } finally {
    closeSync(fd);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
