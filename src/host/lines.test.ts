import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { readLines } from "./lines.ts";

async function collect(chunks: string[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(Readable.from(chunks.map((chunk) => Buffer.from(chunk)))))
    lines.push(line);
  return lines;
}

test("lines do not depend on chunks", async () => {
  expect(await collect(["a\nb", "c\n", "\nd\ne"])).toEqual(["a", "bc", "", "d"]);
});

test("a line has a limit", async () => {
  await expect(collect(["x".repeat(1 << 20), "y"])).rejects.toThrow("without an end");
});

test("leaving the loop closes the stream", async () => {
  const stream = Readable.from([Buffer.from("a\nb\n")]);
  for await (const line of readLines(stream)) {
    expect(line).toBe("a");
    break;
  }
  expect(stream.destroyed).toBe(true);
});
