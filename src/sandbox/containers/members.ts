import { Deadline } from "../../base/deadline.ts";
import { NkError } from "../../base/errors.ts";
import { complain } from "../../base/logger.ts";
import type { Container } from "./container.ts";

/** How long the guest may take to release the former container of an id. */
const RELEASE_TIMEOUT_MS = 10_000;

/** The containers of one sandbox. An id is taken from `admit` until the container's life is over. */
export class Members {
  private readonly containers = new Map<string, Container>();
  private readonly lives = new Map<string, Promise<void>>();

  all(): readonly Container[] {
    return [...this.containers.values()];
  }

  find(id: string): Container | undefined {
    return this.containers.get(id);
  }

  /** @throws NOT_FOUND */
  get(id: string): Container {
    const container = this.containers.get(id);
    if (!container) throw new NkError("NOT_FOUND", `container does not exist in this VM: ${id}`);
    return container;
  }

  /** @throws EXISTS, TIMEOUT when the guest still has something of a former one, which was deleted by force while the VM was paused */
  async admit(container: Container): Promise<void> {
    const { id } = container.record;
    const former = this.lives.get(id);
    if (former)
      await Deadline.after(RELEASE_TIMEOUT_MS).race(former, `the end of the former container ${id}`);
    if (this.containers.has(id)) throw new NkError("EXISTS", `there is a container ${id} in the VM already`);
    this.containers.set(id, container);
  }

  /** `life` is over when nothing of the container is left. */
  keep(id: string, life: Promise<void>): void {
    const over = life.catch(complain).finally(() => {
      this.containers.delete(id);
      this.lives.delete(id);
    });
    this.lives.set(id, over);
  }

  /** Resolves when the life of a container that was made is over. */
  async lifeOf(id: string): Promise<void> {
    await this.lives.get(id);
  }

  /** Resolves when all lives are over. */
  async over(): Promise<void> {
    await Promise.all(this.lives.values());
  }
}
