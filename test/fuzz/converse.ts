import { Socket } from "node:net";
import { AgentClient } from "../../src/agent/agent-client.ts";
import { AgentConnection } from "../../src/agent/connection.ts";
import type { AgentEvent } from "../../src/agent/messages.ts";
import { NkError } from "../../src/base/errors.ts";
import { describeError } from "../../src/cli/describe-error.ts";
import { agentSpan } from "../../src/sandbox/microvm/agent-steps.ts";
import { inRuncsWords } from "../../src/sandbox/containers/runtime-errors.ts";
import { ShadowLink } from "../../src/sandbox/streams/shadow-link.ts";
import { StreamRouter } from "../../src/sandbox/streams/stream-router.ts";
import { formatStep } from "../../src/trace/educational.ts";
import { guestClock } from "../../src/trace/guest-clock.ts";
import { kernelPhases } from "../../src/trace/kernel-phases.ts";
import { formatSpanLine, parseSpanLine } from "../../src/trace/span-line.ts";
import type { Random } from "./mutate.ts";

// oxlint-disable-next-line no-control-regex -- they are what must not be there
const DRIVES_A_TERMINAL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/;
/** An answer of 1 MiB, cut to its bounds and with every character escaped. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024;

/** Throws for a text that is unbounded or could drive a terminal. */
function checkText(text: string): void {
  if (text.length > MAX_TEXT_BYTES) throw new Error(`a text of ${text.length} characters`);
  const found = DRIVES_A_TERMINAL.exec(text);
  if (found)
    throw new Error(`a text with ${JSON.stringify(found[0])}: ${JSON.stringify(text.slice(0, 300))}`);
}

/**
 * One connection that says `input` to the host, in pieces. @returns how the host behaved, for telling inputs apart.
 * @throws when it did what it must never do.
 */
export async function converse(input: Buffer, random: Random): Promise<string> {
  const events: string[] = [];
  const router = new StreamRouter();
  const agentSocket = new Socket();
  const shadowSocket = new Socket();
  const connection = new AgentConnection(agentSocket, router, (event) => events.push(show(event)));
  const streams = router.open(new ShadowLink(shadowSocket), false);
  router.use(connection);
  const asked = ask(new AgentClient(connection), streams.streams);
  // A task in between: requests are written before the guest speaks.
  await Promise.resolve();
  for (let at = 0; at < input.length;) {
    const length = random.pick([1, 7, 4096, 65_536]);
    agentSocket.emit("data", Buffer.from(input.subarray(at, at + length)));
    at += length;
  }
  connection.close();
  const outcomes = (await Promise.all(asked)).concat(outcome(await connection.closed));
  const passedOn = shadowSocket.writableLength;
  agentSocket.destroy();
  shadowSocket.destroy();
  // The sockets let go in a turn of the event loop.
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  return [...new Set(events), ...outcomes, Math.ceil(Math.log2(passedOn + 1))]
    .join("|")
    .replaceAll(/\d+/g, "N");
}

function show(event: AgentEvent): string {
  const text = JSON.stringify(event);
  checkText(text);
  if (event.event === "step") {
    const span = agentSpan(event, guestClock(5, 10n));
    checkText(formatStep(1, span, false));
    if (parseSpanLine(formatSpanLine(span)) === undefined) throw new Error("a span is lost on its way");
  }
  return event.event;
}

function ask(agent: AgentClient, streams: object): Promise<string>[] {
  const start = { streams, terminal: false, rows: 0, cols: 0 };
  const answers: Promise<unknown>[] = [
    agent.ps("c1"),
    agent.stats("c1"),
    agent.kernelLog().then((lines) => kernelPhases(lines, guestClock(1, 1n)).map(formatSpanLine)),
    agent.create("c1", {}, "/run/nk/root", start),
    agent.exec("c1", "s", {}, start),
  ];
  return answers.map((answer) =>
    answer.then(
      (value) => {
        checkText(JSON.stringify(value ?? null));
        return typeof value;
      },
      (error: unknown) => outcome(error),
    ),
  );
}

function outcome(error: unknown): string {
  if (!(error instanceof NkError)) throw error;
  checkText(describeError(inRuncsWords(error, "x")));
  checkText(JSON.stringify(error.toJson()));
  if (error.code === "INTERNAL") throw error;
  // The words of the guest are as many as there are inputs.
  return error.code === "PROTOCOL" ? error.message : error.code + (error.phase ?? "");
}
