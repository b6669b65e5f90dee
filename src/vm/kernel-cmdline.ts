/** What the kernel command line depends on. */
export interface CmdlineOptions {
  /** What the VMM's machine asks for: how it ends, what it has not, how the agent finds its host. */
  own: readonly string[];
  accel: "kvm" | "tcg";
  /** Rate of the host's time-stamp counter; undefined: the guest must measure it. */
  tscKhz: number | undefined;
  debug: boolean;
  /** Appended as it is: the last word on any parameter. */
  extra: string;
}

/** Longest that x86 takes (COMMAND_LINE_SIZE, arch/x86/include/asm/setup.h), with its end mark. */
export const MAX_CMDLINE_BYTES = 2047;

/** The guest's kernel command line. Its parameters: Documentation/admin-guide/kernel-parameters.txt. */
export function kernelCmdline({ own, accel, tscKhz, debug, extra }: CmdlineOptions): string {
  const parameters = [
    "console=ttyS0", // the machine's only early console
    debug ? "loglevel=7" : "quiet", // each character is an exit to the VMM; a panic is printed all the same
    "panic=-1", // restart at once after a panic, which is the end of the VM
    "random.trust_cpu=on", // programs that need random numbers do not wait; the agent adds the host's as well
    "cgroup_no_v1=all", // the in-VM runtime uses cgroup v2 alone
    "cryptomgr.notests", // distribution kernels test their ciphers at each boot: 0.35 s of CPU time in software
    "dummy.numdummies=0", // a guest whose kernel has the driver built in would have a network device that its host has not
    ...own,
    ...(accel === "tcg" ? forSoftware(tscKhz) : []),
    extra,
  ];
  return parameters.filter((parameter) => parameter !== "").join(" ");
}

function forSoftware(tscKhz: number | undefined): string[] {
  const parameters = [
    "noreplace-smp", // with one CPU the kernel else patches thousands of lock prefixes at boot: 100 ms of 600 with our kernel
    "clearcpuid=112", // REP_GOOD (arch/x86/include/asm/cpufeatures.h): emulated `rep stos` is slower than a loop of moves
    "mitigations=off", // an interpreter does not speculate: they would only cost time
    "no_timer_check", // its test of the timer interrupt can fail on a busy host, and the kernel then panics
    // A virtiofs server writes guest memory behind QEMU's back. A page that is cleared by the guest before it is reused has lost the
    // translated code that QEMU keeps for it; without this, programs crash at random (docs/decisions/0003-share-choice.md).
    "init_on_alloc=1",
    "tsc=reliable", // no watchdog: on a busy host it takes late interrupts for a counter that is wrong
  ];
  // Without it the kernel measures the counter against a timer, which hangs the boot on a busy host.
  if (tscKhz !== undefined) parameters.push(`tsc_early_khz=${tscKhz}`);
  return parameters;
}
