import { join } from "node:path";
import type { ExitEvent } from "../agent/messages.ts";
import { asNkError, NkError } from "../base/errors.ts";
import { Latch } from "../base/latch.ts";
import { WORDLESS } from "../contract/follow-report.ts";
import type { Adoption } from "../contract/adoption.ts";
import { processStartTime } from "../host/process-info.ts";
import type { VmRecord } from "../state/record.ts";
import { serveControl } from "./control/server.ts";
import type { ControlSurface } from "./control/surface.ts";
import { waitingSurface } from "./control/waiting-surface.ts";
import type { Holder } from "./holder.ts";
import type { MicroVm } from "./microvm/microvm.ts";
import { WARM_UP_ID, warmUp, warmUpCard } from "./microvm/warm-up.ts";
import { Report } from "./report.ts";
import { Waiting } from "./waiting.ts";

export interface PoolParts {
  microvm: MicroVm;
  holder: Holder;
  /** The VM's folder in the pool. */
  stateDir: string;
  vm: VmRecord;
  /** Of the guest. */
  runtime: string;
}

/** A VM that is a container's now, with the one who is told what comes of it, and the control socket as it is served. */
export interface Waited {
  adoption: Adoption;
  report: Report;
  behind: { surface: ControlSurface };
}

/**
 * Boots a VM, runs a throw-away container in it, and waits until it is adopted.
 * @param report of the command that starts it @returns undefined: it has ended instead
 */
export async function waitInPool(parts: PoolParts, report: Report): Promise<Waited | undefined> {
  const { microvm, holder, stateDir, vm } = parts;
  const unwanted = new Latch<never>();
  const giveUp = (): void =>
    unwanted.reject(new NkError("BOOT", "the VM was stopped while it booted", { phase: WORDLESS }));
  holder.onEnd = giveUp;
  void report.abandoned.then(giveUp);
  try {
    await Promise.race([bootWarm(parts), unwanted.promise]);
    const waiting = new Waiting(microvm, holder, stateDir, vm);
    holder.onEnd = () => waiting.abandon();
    const behind = { surface: waitingSurface(waiting) };
    (await serveControl(behind, join(stateDir, "control.sock"))).unref();
    waiting.announce();
    await report.finish({ ready: true });
    const adopted = await waiting.settled();
    if (!adopted) return undefined;
    return { adoption: adopted.adoption, report: new Report(adopted.socket), behind };
  } catch (error) {
    await report.finish({ error: asNkError(error).toJson() });
    return undefined;
  }
}

async function bootWarm({ microvm, vm, runtime }: PoolParts): Promise<void> {
  vm.monitorPid = process.pid;
  vm.monitorStartTime = processStartTime(process.pid) ?? 0;
  const { agent } = await microvm.boot();
  microvm.describe(vm);
  const exited = new Latch<ExitEvent>();
  microvm.onExit = (event) => {
    if (event.id === WARM_UP_ID) exited.resolve(event);
  };
  // Later it would take time from a container that somebody waits for.
  microvm.traceKernel();
  if (microvm.shape.card !== undefined) await warmUpCard(agent);
  await warmUp(agent, runtime, exited.promise);
}
