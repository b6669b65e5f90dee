import { NkError } from "../base/errors.ts";
import type { Publication } from "./network.ts";

export function parsePublication(text: string): Publication {
  throw new NkError("BAD_CONFIG", text);
}
