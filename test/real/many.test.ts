import { join } from "node:path";
import { expect, it } from "vitest";
import { processUse, vmProcesses } from "../../bench/process-memory.ts";
import { StateStore } from "../../src/state/store.ts";
import { scaled } from "../fixtures/scaled.ts";
import { writeFigures } from "../soak/figures.ts";
import { Containerd } from "./containerd.ts";
import { standing } from "./standing.ts";

const COUNT = 50;
/** As many as two cores can boot before the first one's deadline. */
const AT_ONCE = 4;
/** Not far above what the guest needs. */
const MEMORY = "org.nano-sandbox.vm.memory=96";
const TIMEOUT_MS = 1_800_000;

/** Calls `work` for each, some at a time. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = [...items];
  const worker = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function bootId(containerd: Containerd, id: string): Promise<string> {
  const path = "/proc/sys/kernel/random/boot_id";
  return containerd.ok("tasks", "exec", "--exec-id", "one", id, "cat", path);
}

/** Of the processes of its VM, without the guest's memory. */
function kibOf({ states }: Containerd, id: string): number {
  const record = new StateStore(join(states, "k8s.io")).read(id);
  const uses = Object.values(vmProcesses(record)).map((pid) => processUse(pid, record.vm?.memSizeMib ?? 0));
  return uses.reduce((sum, { pssKib }) => sum + pssKib, 0);
}

it(
  `containerd runs ${COUNT} VMs at once, and nothing is left of them`,
  async () => {
    await using containerd = await Containerd.make();
    const prefix = `t${process.pid}-many-`;
    const place = { folder: containerd.folder, cgroup: `/${prefix}`, lab: containerd.lab };
    const runtime = containerd.runtime("vm");
    const start = (id: string): Promise<string> =>
      containerd.ok(...containerd.runWords(runtime, id, "-d", "--annotation", MEMORY), "sleep", "1000000");
    const end = async (id: string): Promise<void> => {
      await containerd.ok("tasks", "rm", "--force", id);
      await containerd.ok("containers", "rm", id);
    };
    // containerd makes its folders with the first one.
    await start(`${prefix}first`);
    await end(`${prefix}first`);
    const before = await standing(place);
    const ids = Array.from({ length: COUNT }, (_, index) => `${prefix}${index}`);
    const startMs = performance.now();
    await each(ids, start);
    const startedMs = Math.round(performance.now() - startMs);
    const kernels = new Set<string>();
    await each(ids, async (id) => kernels.add(await bootId(containerd, id)));
    expect(kernels.size).toBe(COUNT);
    writeFigures("many", { startedMs, kibBesideGuests: ids.map((id) => kibOf(containerd, id)) });
    await each(ids, (id) => containerd.ok("tasks", "kill", "--signal", "SIGKILL", id));
    await each(ids, end);
    await expect.poll(() => standing(place)).toEqual(before);
  },
  scaled(TIMEOUT_MS),
);
