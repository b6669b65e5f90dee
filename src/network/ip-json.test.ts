import { expect, test } from "vitest";
import { parseIpJson } from "./ip-json.ts";

test("control characters of a name or an alias are part of it", () => {
  expect(parseIpJson('[{"ifname":"a\u001b[31m","ifalias":"one\\ttwo\u0085"}]')).toEqual([
    { ifname: "a\u001b[31m", ifalias: "one\ttwo\u0085" },
  ]);
});

test("what is no JSON is shown", () => {
  expect(() => parseIpJson("Usage: ip")).toThrow("expected JSON of ip, found Usage: ip");
});
