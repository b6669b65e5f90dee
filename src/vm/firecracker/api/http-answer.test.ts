import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { takeAnswer } from "./http-answer.ts";

const HEAD = "Server: Firecracker API\r\nConnection: keep-alive\r\n";

function take(text: string): ReturnType<typeof takeAnswer> {
  return takeAnswer(Buffer.from(text));
}

describe("an answer", () => {
  test.each([
    ["without a body", `HTTP/1.1 204 \r\n${HEAD}\r\n`, 204, ""],
    ["with one, counted in bytes", `HTTP/1.1 200 \r\n${HEAD}Content-Length: 4\r\n\r\nää`, 200, "ää"],
    ["with a reason", "HTTP/1.1 400 Bad Request\r\ncontent-length:2\r\n\r\nno", 400, "no"],
    ["with neither reason nor space", "HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", 503, ""],
    ["after an interim one", `HTTP/1.1 100 \r\n${HEAD}\r\nHTTP/1.1 204 \r\n\r\n`, 204, ""],
  ])("%s", (_, text, status, body) => {
    expect(take(text)).toEqual({ answer: { status, body }, rest: Buffer.alloc(0) });
  });

  test("leaves what follows it", () => {
    expect(take("HTTP/1.1 204 \r\n\r\nmore")?.rest.toString()).toBe("more");
  });

  test("is not there before its last byte", () => {
    const text = `HTTP/1.1 200 \r\n${HEAD}Content-Length: 2\r\n\r\n{}`;
    for (let end = 0; end < text.length; end += 1) expect(take(text.slice(0, end))).toBeUndefined();
  });
});

describe("what is no answer", () => {
  test.each([
    ["another protocol", "SSH-2.0-OpenSSH\r\n\r\n", /status line/],
    ["a status of letters", "HTTP/1.1 abc \r\n\r\n", /status line/],
    ["a status that does not exist", "HTTP/1.1 999 \r\n\r\n", /status line/],
    ["a head without end", "x".repeat(9000), /head of at most/],
    ["a head that is too long", `HTTP/1.1 200 \r\nA: ${"x".repeat(9000)}\r\n\r\n`, /head of at most/],
    ["a body that is too long", "HTTP/1.1 200 \r\nContent-Length: 1048577\r\n\r\n", /Content-Length/],
    ["a negative length", "HTTP/1.1 200 \r\nContent-Length: -1\r\n\r\n", /Content-Length/],
    ["a length that is no number", "HTTP/1.1 200 \r\nContent-Length: 1e3\r\n\r\n", /Content-Length/],
  ])("%s", (_, text, message) => {
    expect(() => take(text)).toThrow(message);
  });

  test("any bytes are read or refused, and never more than they are", () => {
    const pieces = fc.constantFrom(
      "HTTP/1.1 200 ",
      "HTTP/1.1 100 ",
      "\r\n",
      "\r\n\r\n",
      "Content-Length: 3",
      "{}",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string({ maxLength: 8 })), { maxLength: 20 }), (parts) => {
        const bytes = Buffer.from(parts.join(""));
        try {
          const taken = takeAnswer(bytes);
          if (taken !== undefined) expect(taken.rest.length).toBeLessThan(bytes.length);
        } catch (error) {
          expect(String(error)).toMatch(/expected/);
        }
      }),
    );
  });
});
