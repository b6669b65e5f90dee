import { expect, it } from "vitest";
import { formatTable } from "./output.ts";

it("lays a table out as runc does", () => {
  const table = formatTable([
    ["ID", "PID", "STATUS"],
    ["a", "1", "running"],
    ["a-longer-name", "23456", "stopped"],
  ]);
  expect(table).toBe(
    [
      "ID              PID         STATUS",
      "a               1           running",
      "a-longer-name   23456       stopped",
      "",
    ].join("\n"),
  );
});
