import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { asNkError, ERROR_CODES, NkError } from "./errors.ts";

const DOCS = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");

describe("error codes", () => {
  const rows = [...DOCS.matchAll(/^\| `([A-Z_]+)` \|(.*)\|$/gm)];

  it("have a row each in docs/errors.md, in the same order", () => {
    expect(rows.map(([, code]) => code)).toEqual([...ERROR_CODES]);
  });

  it.each(rows.map(([, code = "", cells = ""]) => [code, cells] as const))("tell all of %s", (_, cells) => {
    const [meaning, causes, where, status] = cells.split("|").map((cell) => cell.trim());
    for (const cell of [meaning, causes, where]) expect(cell).not.toBe("");
    expect(status).toMatch(/^\d+(, \d+)*$/);
  });
});

describe("NkError", () => {
  it("crosses process borders with all that people see", () => {
    const error = new NkError("VMM", "words", { phase: "boot", log: "tail", see: "/x" });
    expect(NkError.fromJson(error.toJson()).toJson()).toEqual(error.toJson());
  });

  it("takes what is not an error of ours for a defect", () => {
    expect(asNkError(new TypeError("x is undefined"))).toMatchObject({ code: "INTERNAL" });
    expect(asNkError("text")).toMatchObject({ code: "INTERNAL", message: "text" });
  });
});
