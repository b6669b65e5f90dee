import { readdirSync, readFileSync } from "node:fs";

/** What was recorded from a real Firecracker; its README.md has the form. */
const DIR = "test/vectors/firecracker/api";

export type Text = string | (string | [text: string, times: number])[] | undefined;

interface Response {
  interim?: number;
  status: number;
  headers?: Record<string, string>;
  body?: Text;
}

interface Case {
  name: string;
  request: { method?: string; path?: string; body?: Text; raw?: Text };
  response: Response;
  versions?: Record<string, Response>;
}

export interface Recorded extends Case {
  group: string;
  version: string;
}

export function textOf(text: Text): string {
  if (text === undefined || typeof text === "string") return text ?? "";
  return text.map((part) => (typeof part === "string" ? part : part[0].repeat(part[1]))).join("");
}

export function recorded(): Recorded[] {
  return readdirSync(DIR).flatMap((group) => {
    const { cases } = JSON.parse(readFileSync(`${DIR}/${group}`, "utf8")) as { cases: Case[] };
    return cases.flatMap((each) =>
      Object.entries({ "1.16.1": each.response, ...each.versions }).map(([version, response]) => ({
        ...each,
        group,
        version,
        response,
      })),
    );
  });
}

/** As Firecracker writes it. */
export function bytesOf({ interim, status, headers = {}, body }: Response): string {
  const text = textOf(body);
  const common = "Server: Firecracker API\r\nConnection: keep-alive\r\n";
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n`;
  const before = interim === undefined ? "" : `HTTP/1.1 ${interim} \r\n${common}\r\n`;
  return `${before}HTTP/1.1 ${status} \r\n${common}${more.join("")}${text === "" ? "" : length}\r\n${text}`;
}
