import type { Span } from "./channels.ts";
import type { GuestClock } from "./guest-clock.ts";

/**
 * Named phases of a Linux boot out of the kernel's own log. Each begins at the first line that matches and lasts until
 * the next one found begins. A kernel that does not print a line simply has a longer phase before it, so this works
 * with any distribution's kernel. Texts: init/main.c, init/initramfs.c, drivers/base, kernel/smp.c of Linux 6.1.
 */
const MILESTONES: readonly { name: string; why: string; begins: RegExp }[] = [
  {
    name: "early setup",
    why: "The kernel reads its command line and the memory map that the VMM made, and finds its clock.",
    begins: /^Linux version /,
  },
  {
    name: "memory",
    why: "Page allocator and slab allocator come up; every page of guest memory gets its descriptor.",
    begins: /^(Built \d+ zonelists|Memory: \d+K)/,
  },
  {
    name: "CPUs",
    why: "Interrupt controller and timers are set up, and the other vCPUs are started.",
    begins: /^(NR_IRQS|smp: Bringing up)/,
  },
  {
    name: "buses and ACPI",
    why: "The device model starts; ACPI tables tell which virtio-mmio devices exist.",
    begins: /^devtmpfs: initialized/,
  },
  {
    name: "drivers",
    why: "File systems, network stack and drivers are registered and find their devices.",
    begins: /^(clocksource: Switched to|NET: Registered PF_INET )/,
  },
  {
    name: "unpack initramfs",
    why: "The archive with agent and runtime is unpacked into the kernel's first root file system.",
    begins: /^(Unpacking initramfs|Trying to unpack rootfs image as initramfs)/,
  },
  {
    name: "late drivers",
    why: "What waits for the initramfs, and everything that has no place before: consoles, virtio devices.",
    begins: /^Freeing initrd memory/,
  },
  {
    name: "free init memory",
    why: "Code and data that only the boot needed are given back, kernel memory is write-protected.",
    begins: /^Freeing unused (kernel image|decrypted)/,
  },
];

const END = /^Run \/\S+ as init process/;
/** "[    0.123456] text", with `<6>` before it and "[    T1]" after it where the guest kernel prints these. */
const LINE = /^(?:<\d+>)?\[\s*(\d{1,9})\.(\d{6})\](?:\[\s*[TC]\d+\])? (.*)$/;

/**
 * Spans of the kernel's boot. The kernel's log and CLOCK_BOOTTIME agree within some 15 ms (measured: 1.235 s in the log
 * was 1.250 s of the clock).
 * @param lines the kernel's log with its times (the agent's `kmsg`), not trusted and already bounded
 */
export function kernelPhases(lines: readonly string[], clock: GuestClock): Span[] {
  const starts: { name: string; why: string; startNs: bigint }[] = [];
  const seen = new Set<string>();
  let atNs = clock.bootNs;
  for (const line of lines) {
    const [, seconds, micros, text] = LINE.exec(line) ?? [];
    if (seconds === undefined || micros === undefined || text === undefined) continue;
    const lineNs = clock.toHostNs(Number(seconds) * 1_000_000 + Number(micros));
    // Never backwards: the log is the guest's word.
    if (lineNs > atNs) atNs = lineNs;
    if (END.test(text)) break;
    const milestone = MILESTONES.find(({ name, begins }) => !seen.has(name) && begins.test(text));
    if (milestone === undefined) continue;
    seen.add(milestone.name);
    starts.push({ name: milestone.name, why: milestone.why, startNs: atNs });
  }
  return starts.map(({ name, why, startNs }, index) => ({
    actor: "kernel",
    name,
    why,
    startNs,
    endNs: starts[index + 1]?.startNs ?? atNs,
  }));
}
