import { randomBytes } from "../base/random.ts";

const PROOF_BYTES = 16;

/** What the file SHARED_PROOF of one shared tree says, and that of no other one. */
export function newProof(): string {
  return randomBytes(PROOF_BYTES).toString("hex");
}
