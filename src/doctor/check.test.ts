import { expect, it } from "vitest";
import { NkError } from "../base/errors.ts";
import { DEFAULT_SETTINGS } from "../oci/settings.ts";
import { ok } from "../host/finding.ts";
import { runChecks, type Check } from "./check.ts";
import { makeContext } from "./context.ts";

const context = makeContext("/run/x", DEFAULT_SETTINGS);
const check = (name: string, run: Check["run"]): Check => ({ group: "g", name, modes: ["vm"], run });

it("keeps the order, and turns what is thrown into a failure that says what to do", async () => {
  const results = await runChecks(
    [
      check("slow", async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return ok("late");
      }),
      check("thrown", () => {
        throw new NkError("HOST", "no such helper", { see: "make it" });
      }),
      check("rejected", () => Promise.reject(new TypeError("odd"))),
    ],
    context,
  );
  expect(results).toMatchObject([
    { name: "slow", status: "ok", found: "late" },
    { name: "thrown", status: "fail", found: "no such helper", mend: "make it" },
    { name: "rejected", status: "fail", found: "odd", mend: "see the message" },
  ]);
});

it("does not wait for a check that hangs", async () => {
  const [result] = await runChecks([check("stuck", () => new Promise(() => {}))], context, 30);
  expect(result).toMatchObject({ status: "fail", found: 'the check "stuck" did not come within 30 ms' });
});
