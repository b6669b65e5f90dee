import { expect, test } from "vitest";
import { AgentClient } from "./agent-client.ts";
import type { AgentConnection } from "./connection.ts";
import type { GuestNetwork } from "./guest-network.ts";

const NOTHING: GuestNetwork = { links: [], routes: [], rules: [], neighbours: [] };

test.each([
  [{ changed: 7 }, 7],
  [{ changed: 0 }, 0],
  [{ changed: -1 }, 0],
  [{ changed: 1e300 }, 0],
  [{ changed: "7" }, 0],
  [{}, 0],
])("of the answer %j the count is %i", async (answer, changed) => {
  const sent: unknown[] = [];
  const connection: Pick<AgentConnection, "request"> = {
    request(type, members) {
      sent.push([type, members]);
      return Promise.resolve({ status: "success", ...answer });
    },
  };
  expect(await new AgentClient(connection as AgentConnection).network(NOTHING)).toBe(changed);
  expect(sent).toEqual([["network", NOTHING]]);
});
