import { heardSpans, notices } from "./channels.ts";
import { formatDuration } from "./text.ts";

/** Below this nobody asks what the machine is doing. */
const SLOW_MS = 1000;

/**
 * Runs `work`, and tells people who wait when it takes longer than a second: what it is, then that it is done.
 * @param what is under way, asked for when it is told: "making a disk image of /x"
 */
export async function tellIfSlow<T>(what: () => string, work: () => Promise<T>): Promise<T> {
  const startNs = process.hrtime.bigint();
  let told = false;
  const timer = setTimeout(() => {
    told = true;
    notices.publish(`${what()} …`);
  }, SLOW_MS);
  try {
    const result = await work();
    if (told) notices.publish(`… done in ${formatDuration(process.hrtime.bigint() - startNs)}`);
    return result;
  } finally {
    clearTimeout(timer);
  }
}

const STDERR = 2;
/** Our own kernel's boot ends before this, in software too. */
const SILENT_BOOT_MS = 800;

/** Runs `work`, a boot; tells a person at a terminal, and no program, that it goes on when nothing was to be seen for a moment. */
export async function tellBoot<T>(work: () => Promise<T>): Promise<T> {
  if (heardSpans.hasSubscribers) return work();
  const timer = setTimeout(() => {
    // node:tty takes 2 ms to load.
    void import("node:tty").then(({ isatty }) => {
      if (isatty(STDERR)) notices.publish("booting the virtual machine …");
    });
  }, SILENT_BOOT_MS);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}
