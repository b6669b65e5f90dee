import { RequestFault } from "../http/fault.ts";
import { decode, type Decode } from "../serde/decode.ts";
import { SerdeError } from "../serde/reader.ts";
import type { Vmm } from "../vmm.ts";

/** What a request asks of the VM. */
export interface Action {
  /** Whether the VM must have been started. */
  when: "before" | "after" | "always";
  /** Returns the JSON to answer with, if any. @throws Fault */
  act: (vmm: Vmm) => string | void | Promise<void>;
  /** The request is deprecated: what the log says of it. */
  deprecated?: string;
  /** What the log calls it, with the time it took. */
  timed?: string;
}

export const before = (act: Action["act"]): Action => ({ when: "before", act });
export const after = (act: Action["act"]): Action => ({ when: "after", act });
export const always = (act: Action["act"]): Action => ({ when: "always", act });

/** Configures something of a new VM. */
export function configures(act: (vmm: Vmm) => void | Promise<void>): Action {
  return before((vmm) => {
    vmm.bootPath = true;
    return act(vmm);
  });
}

/** @throws RequestFault */
export function parse<T>(what: Decode<T>, body: Buffer): T {
  try {
    return decode(what, body);
  } catch (error) {
    if (!(error instanceof SerdeError)) throw error;
    throw unreadable(error);
  }
}

export function unreadable(error: SerdeError): RequestFault {
  return new RequestFault(
    `An error occurred when deserializing the json body of a request: ${error.message}.`,
    `SerdeJson(${error.debug})`,
  );
}

/** The id in the path: checked before the body is read. @throws RequestFault */
export function checkedId(id: string | undefined): string {
  if (id === undefined || id === "") throw new RequestFault("The ID cannot be empty.", "EmptyID");
  if (!/^[\p{Alphabetic}\p{N}_]*$/u.test(id))
    throw new RequestFault(
      "API Resource IDs can only contain alphanumeric characters and underscores.",
      "InvalidID",
    );
  return id;
}
