import { expect, test } from "vitest";
import { fromCpuinfo, fromKernelLog } from "./host-tsc.ts";

const cpuinfo = (flags: string): string =>
  `processor\t: 0\ncpu MHz\t\t: 2445.406\nflags\t\t: fpu tsc ${flags}\n`;

test("a virtual machine's cpuinfo has the counter's rate", () => {
  expect(fromCpuinfo(cpuinfo("constant_tsc"), "")).toBe(2_445_406);
});

test.each([
  ["shows the momentary frequency", cpuinfo("constant_tsc aperfmperf"), ""],
  ["is of a CPU whose frequency is scaled", cpuinfo("constant_tsc"), "intel_pstate\n"],
  ["is of a CPU whose counter changes its rate", cpuinfo(""), ""],
  ["cannot be read", "", ""],
])("cpuinfo is not trusted when it %s", (_, text, scaling) => {
  expect(fromCpuinfo(text, scaling)).toBeUndefined();
});

test("the refined rate of the kernel log beats the detected one", () => {
  const log =
    "6,1,0,-;tsc: Detected 2400.000 MHz processor\n6,2,0,-;tsc: Refined TSC clocksource calibration: 2399.988 MHz\n";
  expect(fromKernelLog(log)).toBe(2_399_988);
  expect(fromKernelLog("6,1,0,-;something else\n")).toBeUndefined();
});
