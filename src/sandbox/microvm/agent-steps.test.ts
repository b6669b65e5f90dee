import { expect, it } from "vitest";
import { guestClock } from "../../trace/guest-clock.ts";
import { agentSpan } from "./agent-steps.ts";

const clock = guestClock(1_000_000, 5_000_000_000n);

it("puts a step into words and on the host's clock", () => {
  const step = { event: "step" as const, name: "modules", startUs: 2_000, endUs: 3_000, detail: "list" };
  expect(agentSpan(step, clock)).toMatchObject({
    actor: "agent",
    name: "load kernel modules",
    startNs: 4_002_000_000n,
    endNs: 4_003_000_000n,
    what: "list",
  });
});

it("keeps the name of a step it has no words for, and knows the runtime's", () => {
  const step = { event: "step" as const, name: "runtime update", startUs: 0, endUs: 1, detail: "/bin/crun" };
  const span = agentSpan(step, clock);
  expect(span).toMatchObject({ actor: "runtime", name: "runtime update", what: "/bin/crun" });
  expect(span.why).toBeUndefined();
});
