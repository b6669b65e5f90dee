import { expect, test } from "vitest";
import { AgentClient } from "./agent-client.ts";
import type { AgentConnection } from "./connection.ts";

test("a name in a problem of the copy makes no line of its own", async () => {
  const problems = ["/a\nnk-runtime: error: \u001b[31mforged: cannot copy it", 5];
  const connection: Pick<AgentConnection, "request"> = {
    request: () => Promise.resolve({ status: "success", failed: 2, problems }),
  };
  const client = new AgentClient(connection as AgentConnection);
  const report = await client.sync("c", { root: "/run/nk/root", target: "/run/nk/target" });
  expect(report.problems).toEqual(["/a\\nnk-runtime: error: \\x1b[31mforged: cannot copy it", ""]);
});
