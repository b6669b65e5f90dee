import type { Readable } from "node:stream";
import { NkError } from "../base/errors.ts";

/** Reports are short; a sender that goes beyond this has lost its way. */
const LINE_MAX_BYTES = 1 << 20;

/** Lines without their ends. A last one without an end is dropped: its writer died within it. Leaving the loop closes the stream. */
export async function* readLines(stream: Readable): AsyncGenerator<string, void, void> {
  let rest = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      yield rest.toString("utf8", 0, end);
      rest = rest.subarray(end + 1);
    }
    if (rest.length > LINE_MAX_BYTES) {
      throw new NkError(
        "PROTOCOL",
        `expected lines of at most ${LINE_MAX_BYTES} bytes, found ${rest.length} without an end`,
      );
    }
  }
}
