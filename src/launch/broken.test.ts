import { expect, it } from "vitest";
import { NkError } from "../base/errors.ts";
import { Latch } from "../base/latch.ts";
import { WORDLESS } from "../contract/follow-report.ts";
import { broken } from "./broken.ts";
import type { OpenedSandbox } from "./sandbox.ts";

const OURS = new NkError("RUNTIME", "the console socket is not there");
const LATE = new NkError("TIMEOUT", "the container's creation did not come");
const WORDS = new NkError("VMM", "virtiofsd exited with code 1");
const NONE = new NkError("VMM", "the monitor ended without a word", { phase: WORDLESS });

/** @param spoken what its monitor has said; otherwise it says WORDS when it is ended */
function sandbox(spoken?: NkError): OpenedSandbox & { ended: () => boolean } {
  const ready = new Latch<number>();
  if (spoken) ready.reject(spoken);
  let ended = false;
  return {
    stateDir: "/nowhere",
    holderPid: 1,
    report: { listening: Promise.resolve(), ready: ready.promise },
    end: () => {
      ended = true;
      ready.reject(WORDS);
      return Promise.resolve();
    },
    ended: () => ended,
  };
}

it.each([
  ["a failure here, not what came of the end of the VM", OURS, undefined, OURS],
  ["the monitor's own words, when it failed first", OURS, WORDS, WORDS],
  ["that the monitor was killed, when it was before anything else", OURS, NONE, NONE],
  ["what the monitor was at, when that took too long", LATE, undefined, WORDS],
])("says %s", async (_, error, spoken, reason) => {
  const opened = sandbox(spoken);
  expect(await broken(opened, undefined, error)).toBe(reason);
  expect(opened.ended()).toBe(true);
});
