import { expect, test } from "vitest";
import { kernelCmdline } from "./kernel-cmdline.ts";

test("software emulation is told the counter's rate, hardware keeps its mitigations", () => {
  const software = kernelCmdline({
    own: [],
    accel: "tcg",
    tscKhz: 2_445_406,
    debug: false,
    extra: "",
  }).split(" ");
  expect(software).toContain("tsc_early_khz=2445406");
  expect(software).toContain("mitigations=off");
  const hardware = kernelCmdline({ own: [], accel: "kvm", tscKhz: undefined, debug: false, extra: "" });
  expect(hardware).not.toMatch(/tsc|mitigations/);
});

test("a rate that is not known is not invented", () => {
  expect(kernelCmdline({ own: [], accel: "tcg", tscKhz: undefined, debug: false, extra: "" })).not.toContain(
    "tsc_early_khz",
  );
});

test("what the user adds comes last, and so wins", () => {
  expect(
    kernelCmdline({ own: [], accel: "kvm", tscKhz: undefined, debug: true, extra: "loglevel=8 x=1" }),
  ).toMatch(/loglevel=7 .*loglevel=8 x=1$/);
});

test("what the machine of a VMM asks for is on it", () => {
  const cmdline = kernelCmdline({
    own: ["reboot=k"],
    accel: "kvm",
    tscKhz: undefined,
    debug: false,
    extra: "x=1",
  });
  expect(cmdline).toMatch(/ reboot=k x=1$/);
});
