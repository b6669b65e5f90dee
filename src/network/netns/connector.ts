import type { Carried } from "./carry.ts";
import type { NamespaceState } from "./read.ts";

/** How frames get from the interfaces of a namespace to the VM's tap and back. */
export interface Connector {
  /** More than that it cannot connect. */
  readonly maxLinks: number;
  /** Makes it so, from what is there; the same once more changes nothing. @throws NETWORK */
  apply(state: NamespaceState, carried: Carried): Promise<void>;
  /** Takes all of it back. @throws NETWORK */
  undo(state: NamespaceState): Promise<void>;
}
