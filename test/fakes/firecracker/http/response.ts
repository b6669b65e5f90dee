export interface Response {
  status: number;
  body?: string;
  deprecated?: boolean;
  /** The process ends with it. */
  last?: boolean;
}

/** A response as the server writes it: no reason phrase, always these headers, in this order. */
export function responseBytes({ status, body, deprecated }: Response): string {
  const lines = [`HTTP/1.1 ${status} `, "Server: Firecracker API", "Connection: keep-alive"];
  if (deprecated === true) lines.push("Deprecation: true");
  if (body !== undefined)
    lines.push("Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`);
  return `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`;
}
