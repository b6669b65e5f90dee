import type { Socket } from "node:net";
import type { NkError } from "../base/errors.ts";
import { Latch } from "../base/latch.ts";
import { complain, writeStderr } from "../base/logger.ts";
import type { Adoption } from "../contract/adoption.ts";
import { processStartTime } from "../host/process-info.ts";
import { announce } from "../state/pool-store.ts";
import type { VmRecord } from "../state/record.ts";
import type { MicroVm } from "./microvm/microvm.ts";
import type { Holder } from "./holder.ts";

/** What a VM that waits becomes: somebody's, with the connection on which its adopter is told what comes of it. */
export interface Adopted {
  adoption: Adoption;
  socket: Socket;
}

/**
 * A VM that has booted and waits: without name, container or cgroup of its own. It can be adopted, once, or be stopped; it ends as well when
 * its guest is lost or its holder is.
 */
export class Waiting {
  private readonly microvm: MicroVm;
  private readonly holder: Holder;
  private readonly vm: VmRecord;
  private readonly folder: string;
  private readonly outcome = new Latch<Adopted | undefined>();
  private readonly over = new Latch();

  /** @param folder of the pool @param vm what is known of the VM */
  constructor(microvm: MicroVm, holder: Holder, folder: string, vm: VmRecord) {
    this.microvm = microvm;
    this.holder = holder;
    this.folder = folder;
    this.vm = vm;
    void microvm.guest().lost.then((error) => this.lost(error));
  }

  private lost(error: NkError): void {
    writeStderr(`${error.message}\n`);
    this.outcome.resolve(undefined);
  }

  describe(): unknown {
    return { status: "waiting", vm: this.vm };
  }

  /** Lets it be taken. */
  announce(): void {
    const { pid } = this.holder;
    announce(this.folder, {
      version: 1,
      holder: { pid, startTime: processStartTime(pid) ?? 0 },
      vm: this.vm,
    });
  }

  /** @throws BAD_STATE for the second */
  adopt(adoption: Adoption, socket: Socket): void {
    this.outcome.resolve({ adoption, socket });
  }

  /** Ends it; resolves when the VM has ended. */
  async stop(): Promise<void> {
    this.outcome.resolve(undefined);
    await this.over.promise;
  }

  /** Nobody waits for it: its holder has gone. */
  abandon(): void {
    this.outcome.resolve(undefined);
  }

  /** Resolves when it is adopted; with undefined when it has ended instead. */
  async settled(): Promise<Adopted | undefined> {
    const adopted = await this.outcome.promise;
    if (adopted) return adopted;
    await this.microvm.end().catch(complain);
    this.over.resolve();
    return undefined;
  }
}
