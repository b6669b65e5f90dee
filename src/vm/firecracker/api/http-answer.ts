/**
 * HTTP/1.1 as Firecracker answers it (micro-http): a status line with an empty reason, or none, a few header fields, and a body whose length is in
 * Content-Length alone. node:http would read it too, but the first ten requests cost 17 ms of CPU time with it, and 8 with this.
 */
export interface HttpAnswer {
  status: number;
  body: string;
}

/** What Firecracker sends has less than 200 bytes. */
const MAX_HEAD_BYTES = 8 * 1024;

/** GET /mmds gives at most the store, 50 KiB if nobody asked Firecracker for more; all else has some KiB. */
const MAX_BODY_BYTES = 1024 * 1024;

const HEAD_END = "\r\n\r\n";

/**
 * Takes the first answer off `bytes`; undefined when it is not whole yet. Interim answers (1xx) are skipped.
 * @throws Error on what is no HTTP answer, or too long.
 */
export function takeAnswer(bytes: Buffer): { answer: HttpAnswer; rest: Buffer } | undefined {
  const headBytes = bytes.indexOf(HEAD_END);
  if (headBytes > MAX_HEAD_BYTES || (headBytes < 0 && bytes.length > MAX_HEAD_BYTES))
    throw new Error(`expected a head of at most ${MAX_HEAD_BYTES} bytes`);
  if (headBytes < 0) return undefined;
  const [statusLine = "", ...fields] = bytes.toString("latin1", 0, headBytes).split("\r\n");
  const status = statusOf(statusLine);
  const bodyStart = headBytes + HEAD_END.length;
  const end = bodyStart + contentLength(fields);
  if (bytes.length < end) return undefined;
  const rest = bytes.subarray(end);
  if (status < 200) return takeAnswer(rest);
  return { answer: { status, body: bytes.toString("utf8", bodyStart, end) }, rest };
}

function statusOf(line: string): number {
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(line)?.[1];
  if (status !== undefined) return Number(status);
  throw new Error(`expected an HTTP status line, found ${JSON.stringify(line.slice(0, 80))}`);
}

function contentLength(fields: string[]): number {
  const field = fields.find((line) => /^content-length:/i.test(line));
  if (field === undefined) return 0;
  const text = field.slice(field.indexOf(":") + 1).trim();
  if (/^\d{1,9}$/.test(text) && Number(text) <= MAX_BODY_BYTES) return Number(text);
  throw new Error(`expected a Content-Length of at most ${MAX_BODY_BYTES}, found ${text.slice(0, 20)}`);
}
