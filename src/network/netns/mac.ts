import { randomBytes } from "../../base/random.ts";

/** A MAC of nobody: a locally administered one. */
export function randomMac(): string {
  const bytes = randomBytes(6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return bytes.toString("hex").replace(/..(?!$)/g, "$&:");
}
