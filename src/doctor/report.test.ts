import { describe, expect, it } from "vitest";
import type { Result } from "./check.ts";
import { formatReport, makeReport } from "./report.ts";

const CHECKS: Result[] = [
  { group: "host", name: "node", modes: ["vm", "container"], status: "ok", found: "20.19.0" },
  {
    group: "VM",
    name: "acceleration",
    modes: ["vm"],
    status: "warn",
    found: "software emulation, because /dev/kvm does not exist (seen just now)",
    mend: "modprobe kvm_intel",
  },
  {
    group: "container mode",
    name: "host runtime",
    modes: ["container"],
    status: "ok",
    found: "runc 1.1.5 (/sbin/runc)",
  },
];
const BROKEN: Result = {
  group: "guest image",
  name: "guest kernel",
  modes: ["vm"],
  status: "fail",
  found: "none",
  mend: "make one",
};

describe("makeReport", () => {
  it("says how the modes run", () => {
    const { ok, vm, container } = makeReport(CHECKS);
    expect(ok).toBe(true);
    expect(vm).toEqual({
      works: true,
      summary: "works, software emulation, because /dev/kvm does not exist",
    });
    expect(container).toEqual({ works: true, summary: "works, runc 1.1.5" });
  });

  it("blames what failed, for the modes that need it only", () => {
    const { ok, vm, container } = makeReport([...CHECKS, BROKEN]);
    expect(ok).toBe(false);
    expect(vm).toEqual({ works: false, summary: "cannot run: guest kernel" });
    expect(container.works).toBe(true);
  });
});

describe("formatReport", () => {
  it("is aligned, grouped, broken to the width, with the verdict last", () => {
    const text = formatReport(makeReport(CHECKS), { width: 60, colour: false });
    expect(text).toBe(`host
  ok    node          20.19.0

VM
  warn  acceleration  software emulation, because /dev/kvm
                      does not exist (seen just now)
                      mend: modprobe kvm_intel

container mode
  ok    host runtime  runc 1.1.5 (/sbin/runc)

Container mode  works, runc 1.1.5
VM mode         works, software emulation, because /dev/kvm
                does not exist
`);
  });

  it("has colours only when asked", () => {
    expect(formatReport(makeReport([BROKEN]), { width: 80, colour: true })).toContain(
      "\u001b[31mfail\u001b[0m",
    );
  });
});
