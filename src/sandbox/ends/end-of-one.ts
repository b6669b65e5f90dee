import { Deadline } from "../../base/deadline.ts";
import { asNkError, NkError } from "../../base/errors.ts";
import type { DiskRoot } from "../../contract/job.ts";
import type { ExitEvent } from "../../agent/messages.ts";
import type { CopyBack } from "../../state/record.ts";
import type { Container } from "../containers/container.ts";
import type { Members } from "../containers/members.ts";
import type { JoinedPlace } from "../containers/place.ts";
import { copyBack, notCopied, removeStaging } from "../microvm/copy-back.ts";
import type { MicroVm } from "../microvm/microvm.ts";
import type { Ends } from "./ends.ts";
import type { Holder } from "../holder.ts";

/**
 * How long the whole end may take, from the container's death to that of QEMU, before the VM is switched off. It takes some tenths of a
 * second under emulation; what is unwritten in a guest that hangs is lost in any case, so waiting longer saves nothing.
 */
const FORCED_END_MS = 5_000;
/** The same for an end that should lose nothing: a guest may have much to write back. */
const ORDERLY_END_MS = 30_000;

/** A VM that was made for one container ends with it, and what others have come to it. */
export class EndOfOne implements Ends {
  private readonly microvm: MicroVm;
  private readonly holder: Holder;
  private readonly disk: DiskRoot | undefined;
  private readonly members: Members;

  /** @param members of the sandbox, this container included */
  constructor(microvm: MicroVm, holder: Holder, disk: DiskRoot | undefined, members: Members) {
    this.microvm = microvm;
    this.holder = holder;
    this.disk = disk;
    this.members = members;
  }

  async kill(container: Container): Promise<void> {
    this.switchOffAfter(container, ORDERLY_END_MS);
    await container.killByForce().catch((error: unknown) => {
      // Any other failure says that there is nothing to kill any more.
      if (asNkError(error).code === "TIMEOUT") this.microvm.switchOff();
    });
  }

  end(container: Container, quick: boolean): Promise<void> {
    if (quick) this.switchOffAfter(container, FORCED_END_MS);
    container.giveUp("the container was deleted by force");
    return container.stopped;
  }

  async undo(_: Container, __: JoinedPlace, error: unknown): Promise<unknown> {
    const guest = this.microvm.ifBooted();
    if (!guest) return error;
    const reason = await guest.explain(error);
    await guest.end();
    return reason;
  }

  async live(container: Container, place: JoinedPlace): Promise<void> {
    const guest = this.microvm.guest();
    const lost = guest.lost.then((error) => error);
    const end = await Promise.race([container.exited, lost]);
    await this.microvm.kernelTraced();
    const { sync, rootfs } = this.disk ?? { sync: false, rootfs: "" };
    if (sync && !container.isForced) container.record.copiedBack = await this.copyBack(container, place, end);
    await Promise.all([this.endOthers(container), this.microvm.end()]);
    if (sync) removeStaging(rootfs);
    // Callers wait for the container's shadow: it is the last to go.
    this.holder.dismiss();
    await container.finish(end);
  }

  /** Their VM ends. One that is being made fails by itself. */
  private async endOthers(first: Container): Promise<void> {
    const others = this.members.all().filter((one) => one !== first && one.record.status !== "creating");
    const reason = `its VM ended with the container ${first.record.id}, for which it was made`;
    await Promise.all(others.map((container) => container.finish(new NkError("VMM", reason))));
  }

  private async copyBack(
    { record }: Container,
    place: JoinedPlace,
    end: ExitEvent | NkError,
  ): Promise<CopyBack> {
    if (end instanceof NkError) return notCopied(end.message);
    return copyBack(this.microvm.guest(), record.id, place);
  }

  private switchOffAfter(container: Container, timeoutMs: number): void {
    const timer = setTimeout(() => this.microvm.switchOff(), Deadline.after(timeoutMs).remainingMs());
    void container.stopped.then(() => clearTimeout(timer));
  }
}
