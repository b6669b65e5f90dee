import type { Container } from "../containers/container.ts";
import type { JoinedPlace } from "../containers/place.ts";

/**
 * How containers end: one for which the VM was made, with the VM (end-of-one.ts), and one that came to a VM which goes on (end-of-many.ts). For each
 * container `undo` or `live` is called, once; `kill` and `end` at any time between its admission and its end.
 */
export interface Ends {
  /** Nobody wants the container any more: its shadow was killed, its creator, or somebody deletes it by force. Never rejects. */
  kill(container: Container): Promise<void>;
  /**
   * Ends a container because somebody asks for it, with `quick` also what a guest that hangs has not written back; resolves when its end is on disk.
   * @throws TIMEOUT, BAD_STATE
   */
  end(container: Container, quick: boolean): Promise<void>;
  /** Releases what there is of a container that was not made. @returns why it was not, which may be known better than by `error` */
  undo(container: Container, place: JoinedPlace, error: unknown): Promise<unknown>;
  /** Waits for the end of a container that was made, records it, and releases all that it has. */
  live(container: Container, place: JoinedPlace): Promise<void>;
}
