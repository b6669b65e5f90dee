// Requests as Firecracker's HTTP server (micro-http) takes them: its rules, its words for what it refuses.

export type Method = "GET" | "PUT" | "PATCH" | "DELETE";

export interface Request {
  method: Method;
  /** The path, without "http://host". */
  path: string;
  body: Buffer | undefined;
}

/** What the parser refuses: the text of its error. */
export class ParseError extends Error {}

export class RequestHead {
  readonly method: Method;
  readonly path: string;
  contentLength = 0;
  expectsContinue = false;

  /** `withDelete`: whether the method DELETE is known (1.16). */
  constructor(line: string, withDelete: boolean) {
    const [, method, uri, version] = /^([^ ]*) ([^ ]*) (.*)$/s.exec(line) ?? [];
    if (method === undefined || uri === undefined) throw new ParseError("Invalid request.");
    if (!["GET", "PUT", "PATCH"].includes(method) && !(withDelete && method === "DELETE"))
      throw new ParseError("Invalid HTTP Method: Unsupported HTTP method.");
    if (uri === "") throw new ParseError("Invalid URI: Empty URI not allowed.");
    if (version !== "HTTP/1.0" && version !== "HTTP/1.1")
      throw new ParseError("Invalid HTTP Version: Unsupported HTTP version.");
    this.method = method as Method;
    this.path = absolutePath(uri);
  }

  /** Takes a header line; those that are of no interest are ignored, whatever they say. */
  header(line: string): void {
    const colon = line.indexOf(":");
    if (colon < 0) throw headerError(`Header is incorrectly formatted. Key: ${line}`);
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1);
    switch (name.trim().toLowerCase()) {
      case "content-length":
        this.contentLength = contentLength(name, value);
        break;
      case "expect":
        this.expectsContinue ||= value.trim() === "100-continue";
        break;
      case "accept-encoding":
        checkEncodings(value.trim());
        break;
      default:
    }
  }
}

function headerError(reason: string): ParseError {
  return new ParseError(`Invalid header. Reason: ${reason}`);
}

/** A line that does not fit into the server's buffer; it shows the whole buffer. */
export function headerTooLong(buffer: string): ParseError {
  return headerError(`Invalid content length. Header: ${buffer}`);
}

function contentLength(name: string, value: string): number {
  const length = Number(value.trim());
  if (!/^\+?\d+$/.test(value.trim()) || length > 0xffff_ffff)
    throw headerError(`Invalid value. Key:${name}; Value:${value}`);
  return length;
}

function checkEncodings(value: string): void {
  if (value === "") throw new ParseError("Invalid request.");
  for (const encoding of value.split(",").map((item) => item.trim()))
    if (encoding === "identity;q=0" || (encoding === "*;q=0" && !value.includes("identity")))
      throw headerError(`Invalid value. Key:Accept-Encoding; Value:${encoding}`);
}

function absolutePath(uri: string): string {
  if (uri.startsWith("/")) return uri;
  return /^http:\/\/[^/]*(\/.*)$/s.exec(uri)?.[1] ?? "";
}
