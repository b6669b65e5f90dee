import { createInterface } from "node:readline";
import { asNkError, NkError } from "../base/errors.ts";
import { parseJson } from "../base/json.ts";
import { print } from "../base/print.ts";
import type { StateStore } from "../state/store.ts";
import { askMonitor } from "./control.ts";

/** Passes lines of standard input to the agent of a VM and prints its answers. Resolves to whether all of them were a success. */
export async function talkToAgent(store: StateStore, id: string): Promise<boolean> {
  let good = true;
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === "") continue;
    const answer = await answerTo(store, id, line);
    if (answer["status"] !== "success") good = false;
    if (!(await print(`${JSON.stringify(answer)}\n`))) break;
  }
  return good;
}

/** What was no request is answered in the agent's form. @throws NOT_FOUND when there is no monitor any more */
async function answerTo(store: StateStore, id: string, line: string): Promise<Record<string, unknown>> {
  try {
    return (await askMonitor(store, id, "POST", "/agent", parse(line))) as Record<string, unknown>;
  } catch (error) {
    const { code, message } = asNkError(error);
    if (code === "NOT_FOUND") throw error;
    return { status: "error", code: code === "USAGE" ? "BAD_REQUEST" : code, error: message };
  }
}

function parse(line: string): unknown {
  try {
    return parseJson(line, "the request");
  } catch (cause) {
    throw new NkError("USAGE", `expected a JSON object, found ${line.slice(0, 80)}`, { cause });
  }
}
