import { rmSync } from "node:fs";
import { join } from "node:path";
import { Deadline } from "../../base/deadline.ts";
import { NkError } from "../../base/errors.ts";
import { complain } from "../../base/logger.ts";
import { detachTree } from "../../host/shadow-tree.ts";
import { TREE_FOLDER } from "../../state/machine-record.ts";
import type { Container } from "../containers/container.ts";
import { leave, type JoinedPlace } from "../containers/place.ts";
import type { MicroVm } from "../microvm/microvm.ts";
import type { Ends } from "./ends.ts";
import type { Holder } from "../holder.ts";

/** How long a guest may take to kill a container; one that hangs can only be stopped as a whole. */
const KILL_TIMEOUT_MS = 10_000;

/** A VM made by hand, or for another container, goes on when a container ends, without anything of it. */
export class EndOfMany implements Ends {
  private readonly microvm: MicroVm;
  private readonly holder: Holder;
  private readonly stateDir: string;

  constructor(microvm: MicroVm, holder: Holder, stateDir: string) {
    this.microvm = microvm;
    this.holder = holder;
    this.stateDir = stateDir;
  }

  async kill(container: Container): Promise<void> {
    if (container.record.status !== "stopped") await container.killByForce().catch(complain);
  }

  async end(container: Container, quick: boolean): Promise<void> {
    if (container.hasEnded) {
      container.cutOutputShort();
      return container.stopped;
    }
    if (!quick) this.microvm.running();
    const killed = container.killByForce();
    if (this.microvm.pauses.now) {
      // The guest does it when it goes on, and nobody waits for that.
      killed.catch(() => {});
      return container.finish(new NkError("VMM", "it was deleted by force while its VM was paused"));
    }
    await Deadline.after(KILL_TIMEOUT_MS).race(killed, "the end of the container");
    await container.stopped;
  }

  async undo(container: Container, place: JoinedPlace, error: unknown): Promise<unknown> {
    const released = this.release(container, place, () => {});
    // In a VM that is paused nothing can be released, and nobody waits for that.
    await Promise.race([released, this.microvm.pauses.begun()]);
    return error;
  }

  async live(container: Container, place: JoinedPlace): Promise<void> {
    const lost = this.microvm.guest().lost.then((error) => error);
    const end = await Promise.race([container.exited, lost]);
    // With the VM all of it goes.
    const goes = this.microvm.isEnding || end instanceof NkError;
    const released = goes ? Promise.resolve() : this.release(container, place, complain);
    // Whoever waits for the container does not wait for a VM that is paused.
    await Promise.race([released, this.microvm.pauses.begun()]);
    await container.finish(end);
    await released;
  }

  /** Takes what a container has in the VM, as soon as the guest can be asked. Never rejects. */
  private async release(
    { record, sockets }: Container,
    place: JoinedPlace,
    onFailure: (error: unknown) => void,
  ): Promise<void> {
    await this.microvm.awake();
    if (this.microvm.isEnding) return;
    const { agent } = this.microvm.guest();
    await agent.delete(record.id, true).catch(onFailure);
    await sockets.leave(agent);
    // The guest first: what it has mounted holds the host's files.
    await leave(agent, place);
    await detachTree(this.holder.pid, place.folder).catch(complain);
    try {
      rmSync(join(this.stateDir, TREE_FOLDER, place.folder), { recursive: true, force: true });
    } catch (error) {
      complain(error);
    }
  }
}
