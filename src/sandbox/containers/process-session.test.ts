import { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { AgentClient } from "../../agent/agent-client.ts";
import type { AgentConnection } from "../../agent/connection.ts";
import { ShadowLink } from "../streams/shadow-link.ts";
import { StreamRouter } from "../streams/stream-router.ts";
import { ProcessSession } from "./process-session.ts";

it("has one size on its way to a guest that is slow, and the last one at its end", async () => {
  const rows: unknown[] = [];
  const answers: (() => void)[] = [];
  const connection: Pick<AgentConnection, "request" | "whole"> = {
    whole: () => Promise.resolve(),
    request(_type, members) {
      rows.push(members["rows"]);
      return new Promise((resolve) => answers.push(() => resolve({ status: "success" })));
    },
  };
  const session = new ProcessSession(new ShadowLink(new Socket()), "box", "exec-1");
  await session.begin(new AgentClient(connection as AgentConnection), new StreamRouter(), true, () =>
    Promise.resolve(),
  );

  for (let row = 1; row <= 1000; row += 1) session.resize(row, 80);
  expect(rows).toEqual([1]);
  answers.shift()?.();
  await setImmediate();
  expect(rows).toEqual([1, 1000]);
  answers.shift()?.();
  await setImmediate();
  session.resize(24, 80);
  expect(rows).toEqual([1, 1000, 24]);
});
