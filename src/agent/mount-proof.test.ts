import { expect, test } from "vitest";
import { NkError } from "../base/errors.ts";
import { AgentClient } from "./agent-client.ts";
import type { AgentConnection } from "./connection.ts";

const MOUNT = { target: "/run/nk/share", fstype: "virtiofs", source: "nkroot", options: "" };
const PROOF = { path: "/run/nk/share/proof", text: "0f1e" };

/** The client of an agent that answers so. */
function clientOf(answer: Record<string, unknown> | NkError): AgentClient {
  const connection: Pick<AgentConnection, "request"> = {
    request: () =>
      answer instanceof NkError ? Promise.reject(answer) : Promise.resolve({ status: "success", ...answer }),
  };
  return new AgentClient(connection as AgentConnection);
}

test("a tree with the proof is taken", async () => {
  await clientOf({ proof: "0f1e" }).mountProven(MOUNT, PROOF);
});

test.each([
  ["another one", { proof: "0f1f" }, /found "0f1f"/],
  ["a longer one", { proof: "0f1e0" }, /found "0f1e0"/],
  ["none", {}, /found none/],
  ["none that is text", { proof: ["0f1e"] }, /found none/],
  ["no file", new NkError("NOT_FOUND", "open: No such file"), /the container's files.*No such file/],
])("a tree with %s is refused", async (_, answer, message) => {
  const mounted = clientOf(answer).mountProven(MOUNT, PROOF);
  await expect(mounted).rejects.toMatchObject({
    code: "SHARE",
    phase: "agent: mount",
    message: expect.stringMatching(message) as string,
  });
});

test("what else can fail is told as it is", async () => {
  const error = new NkError("AGENT", "mount: Invalid argument");
  await expect(clientOf(error).mountProven(MOUNT, PROOF)).rejects.toBe(error);
});
