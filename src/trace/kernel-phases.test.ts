import { expect, test } from "vitest";
import { guestClock } from "./guest-clock.ts";
import { kernelPhases } from "./kernel-phases.ts";

/** Lines of a real boot: Debian's 6.1 cloud kernel on QEMU's microvm, under TCG. */
const DEBIAN_CLOUD = `
<5>[    0.000000] Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org)
<6>[    0.000000] tsc: Detected 2445.406 MHz processor
<6>[    0.034286] smpboot: Allowing 1 CPUs, 0 hotplug CPUs
<6>[    0.058958] Built 1 zonelists, mobility grouping on.  Total pages: 128768
<6>[    0.081029] Memory: 219836K/523896K available (14343K kernel code, 2327K rwdata)
<6>[    0.185523] NR_IRQS: 524544, nr_irqs: 256, preallocated irqs: 0
<6>[    0.226335] smp: Bringing up secondary CPUs ...
<6>[    0.258327] devtmpfs: initialized
<3>[    0.299754] PCI: Fatal: No config space access function found
<6>[    0.460155] clocksource: Switched to clocksource tsc-early
<6>[    0.510069] NET: Registered PF_INET protocol family
<6>[    0.541736] Trying to unpack rootfs image as initramfs...
<6>[    0.566318] Freeing initrd memory: 668K
<6>[    1.087513] Freeing unused decrypted memory: 2036K
<6>[    1.149660] Freeing unused kernel image (initmem) memory: 2612K
<6>[    1.161825] Run /init as init process
<7>[    1.161928]     /init
`
  .trim()
  .split("\n");

const CLOCK = guestClock(0, 7_000_000_000n);
const BOOT_NS = CLOCK.bootNs;

test("phases of a distribution's kernel follow each other without a gap and end at /init", () => {
  const phases = kernelPhases(DEBIAN_CLOUD, CLOCK);
  expect(phases.map(({ name, startNs }) => [name, Number(startNs - BOOT_NS) / 1e6])).toEqual([
    ["early setup", 0],
    ["memory", 58.958],
    ["CPUs", 185.523],
    ["buses and ACPI", 258.327],
    ["drivers", 460.155],
    ["unpack initramfs", 541.736],
    ["late drivers", 566.318],
    ["free init memory", 1087.513],
  ]);
  for (const [index, phase] of phases.entries()) {
    expect(phase.actor).toBe("kernel");
    expect(phase.endNs).toBe(phases[index + 1]?.startNs ?? BOOT_NS + 1_161_825_000n);
  }
});

test("without the line of /init the last phase ends with the last line", () => {
  const lines = ["[    0.100000][    T1] devtmpfs: initialized", "[    0.900000] random: crng init done"];
  const [phase, ...others] = kernelPhases(lines, guestClock(0, 0n));
  expect(others).toEqual([]);
  expect(phase).toMatchObject({ name: "buses and ACPI", startNs: 100_000_000n, endNs: 900_000_000n });
});

test("rubbish from a guest gives no span and no error", () => {
  const lines = ["", "[ 999999999999999999.000000] x", "devtmpfs: initialized", "\u0000".repeat(99)];
  expect(kernelPhases(lines, CLOCK)).toEqual([]);
});

test("time never runs backwards, even when the guest's log says so", () => {
  const [first, second] = kernelPhases(
    ["[    5.000000] devtmpfs: initialized", "[    1.000000] Freeing initrd memory: 1K"],
    guestClock(0, 0n),
  );
  expect(first).toMatchObject({ startNs: 5_000_000_000n, endNs: 5_000_000_000n });
  expect(second).toMatchObject({ startNs: 5_000_000_000n, endNs: 5_000_000_000n });
});
