import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Deadline } from "../../base/deadline.ts";
import { callTtrpc, count, member } from "./ttrpc.ts";

let folder: string;
let server: Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nk-ttrpc-"));
});

afterEach(() => {
  server?.close();
  rmSync(folder, { recursive: true });
});

/** What somebody is asked who answers with these bytes, in two parts. */
async function asked(answer: string): Promise<string> {
  const bytes = Buffer.from(answer, "hex");
  const requests: string[] = [];
  server = createServer((socket) => {
    socket.once("data", (chunk) => {
      requests.push(chunk.toString("hex"));
      socket.write(bytes.subarray(0, 3), () => socket.write(bytes.subarray(3)));
    });
  }).listen(join(folder, "socket"));
  await once(server, "listening");
  await call(60_000);
  return requests.join();
}

const call = (timeoutMs: number): Promise<void> =>
  callTtrpc(join(folder, "socket"), "a.B", "C", member(1, "d"), Deadline.after(timeoutMs));

it("sends one request, and takes an empty answer for done", async () => {
  expect(await asked("00000000000000010200")).toBe("0000000d0000000101000a03612e421201431a030a0164");
});

it("takes a status without a code for done", async () => {
  await asked("000000020000000102000a00");
});

it("says what a server refuses", async () => {
  const refusal = member(1, Buffer.concat([count(1, 3), member(2, "no namespace")])).toString("hex");
  await expect(asked(`00000012000000010200${refusal}`)).rejects.toThrow("no namespace");
});

it("fails when nobody is there, and when something else answers", async () => {
  await expect(call(60_000)).rejects.toThrow("ENOENT");
  await expect(asked("485454502f312e3120343030")).rejects.toThrow("expected an answer of ttrpc");
});

it("does not wait for ever", async () => {
  server = createServer().listen(join(folder, "socket"));
  await once(server, "listening");
  await expect(call(50)).rejects.toThrow("did not come within");
});

it("writes a length of more than seven bits as protobuf does", () => {
  expect(member(2, "x".repeat(300)).toString("hex", 0, 3)).toBe("12ac02");
  expect(count(1, 1_700_000_000).toString("hex")).toBe("0880e2cfaa06");
});
