import { headerTooLong, ParseError, RequestHead, type Request } from "./request.ts";

/** The server reads into a buffer of this size, and no line may be longer. */
const BUFFER_SIZE = 1024;

export interface ParserLimits {
  maxPayload: number;
  withDelete: boolean;
}

/** What one read of the server brought, in order. */
export type Parsed =
  | { kind: "continue" }
  | { kind: "request"; request: Request }
  | { kind: "error"; text: string };

/**
 * micro-http's connection, read by read. A read takes what is there, up to the free part of the buffer; an error drops the
 * rest of that read and the requests it held, and leaves the state as it was.
 */
export class RequestParser {
  private readonly limits: ParserLimits;
  /** The beginning of a line that is not complete. */
  private kept: Buffer = Buffer.alloc(0);
  private head: RequestHead | undefined;
  private body: Buffer[] | undefined;
  private missing = 0;

  constructor(limits: ParserLimits) {
    this.limits = limits;
  }

  /** Takes the bytes that arrived, in the portions the server would read. */
  *feed(data: Buffer): Generator<Parsed> {
    let rest = data;
    while (rest.length > 0) {
      const size = Math.min(rest.length, BUFFER_SIZE - this.kept.length);
      yield* this.read(rest.subarray(0, size));
      rest = rest.subarray(size);
    }
  }

  private read(bytes: Buffer): Parsed[] {
    const found: Parsed[] = [];
    const keptBefore = this.kept;
    try {
      let buffer: Buffer = Buffer.concat([this.kept, bytes]);
      for (let next: Buffer | undefined = buffer; next !== undefined;) {
        buffer = next;
        next = this.step(buffer, buffer.length === BUFFER_SIZE, found);
      }
      return found;
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      this.kept = keptBefore;
      return [...found.filter(({ kind }) => kind === "continue"), { kind: "error", text: error.message }];
    }
  }

  /** Takes one line or the body off the buffer; undefined: more is needed. */
  private step(buffer: Buffer, full: boolean, found: Parsed[]): Buffer | undefined {
    if (this.body !== undefined) return this.takeBody(buffer, this.body, found);
    const end = buffer.indexOf("\r\n");
    if (end < 0) {
      if (full)
        throw this.head === undefined ? new ParseError("Invalid request.") : headerTooLong(buffer.toString());
      this.kept = Buffer.from(buffer);
      return undefined;
    }
    const line = buffer.toString("utf8", 0, end);
    if (this.head === undefined) this.head = new RequestHead(line, this.limits.withDelete);
    else if (end > 0) this.head.header(line);
    else this.endHead(this.head, found);
    return buffer.subarray(end + 2);
  }

  private endHead(head: RequestHead, found: Parsed[]): void {
    if (head.contentLength > this.limits.maxPayload)
      throw new ParseError(
        `Request payload with size ${head.contentLength} is larger than the limit of ${this.limits.maxPayload} allowed by server.`,
      );
    if (head.contentLength === 0) {
      this.finish(head, undefined, found);
      return;
    }
    if (head.expectsContinue) found.push({ kind: "continue" });
    this.body = [];
    this.missing = head.contentLength;
  }

  private takeBody(buffer: Buffer, body: Buffer[], found: Parsed[]): Buffer | undefined {
    const part = buffer.subarray(0, this.missing);
    body.push(Buffer.from(part));
    this.missing -= part.length;
    if (this.missing > 0) {
      this.kept = Buffer.alloc(0);
      return undefined;
    }
    if (this.head !== undefined) this.finish(this.head, Buffer.concat(body), found);
    return buffer.subarray(part.length);
  }

  private finish(head: RequestHead, body: Buffer | undefined, found: Parsed[]): void {
    found.push({ kind: "request", request: { method: head.method, path: head.path, body } });
    this.head = undefined;
    this.body = undefined;
  }
}
