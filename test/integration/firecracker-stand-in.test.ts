// The stand-in for Firecracker against what a real one answered (test/vectors/firecracker).
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import {
  connectTo,
  FakeFirecracker,
  makeBootFiles,
  makeFiles,
  readResponse,
  withoutTimes,
} from "../fixtures/fake-firecracker.ts";
import {
  apiGroups,
  readVectors,
  requestText,
  responseOf,
  responseText,
  type VectorCase,
  type VectorGroup,
  type VectorRequest,
  type VectorResponse,
} from "../fixtures/firecracker-vectors.ts";

const VERSIONS = ["1.16.1", "1.14.4", "1.17.0-dev"];
const open: FakeFirecracker[] = [];

function start(
  args: readonly string[],
  env: Record<string, string> = {},
  prepare = makeFiles,
): FakeFirecracker {
  const fake = new FakeFirecracker(args, env, prepare);
  open.push(fake);
  return fake;
}

afterEach(async () => {
  for (const fake of open.splice(0)) await fake.close();
});

/** Values that are the guest's own, as 0; and no length, which depends on them. */
function masked(text: string, names: readonly string[] = []): string {
  if (names.length === 0) return text;
  const values = new RegExp(`("(?:${names.join("|")})":)\\d+`, "g");
  return text.replace(values, "$10").replace(/Content-Length: \d+/, "Content-Length: *");
}

async function answers(fake: FakeFirecracker, vector: VectorCase, version: string): Promise<void> {
  const response = await fake.exchange(requestText(vector.request));
  const expected = responseText(responseOf(vector, version));
  const state = vector.state === null ? null : await fake.state();
  expect({ request: vector.name, response: masked(response, vector.varying), state }).toEqual({
    request: vector.name,
    response: masked(expected, vector.varying),
    state: vector.state,
  });
}

async function answersAll(group: VectorGroup, version: string): Promise<FakeFirecracker> {
  const prepare = group.name === "running" ? makeBootFiles : makeFiles;
  const fake = start(["--api-sock", "api.sock", "--id", "rec-1"], { NK_FAKE_FC_VERSION: version }, prepare);
  await fake.ready();
  for (const vector of group.cases) await answers(fake, vector, version);
  return fake;
}

describe.each(VERSIONS)("%s", (version) => {
  const groups = apiGroups().filter(({ name }) => version === "1.16.1" || name !== "running");
  test.each(groups)("answers the requests of $name", async (group) => {
    const fake = await answersAll(group, version);
    if (group.exit !== undefined) expect(await fake.end()).toEqual({ code: group.exit, signal: null });
  });
});

interface ProcessCase {
  name: string;
  args: string[];
  signal?: NodeJS.Signals;
  exit: { code?: number; signal?: NodeJS.Signals };
  output?: string;
  outputEnd?: string;
}

/** What the cases find in their working folder. */
function makeProcessFiles(name: string): (folder: string) => void {
  return (folder) => {
    makeFiles(folder);
    if (name === "socket taken") writeFileSync(join(folder, "api.sock"), "");
    const config = { "boot-source": { kernel_image_path: "missing" }, drives: [] };
    writeFileSync(join(folder, "cfg"), JSON.stringify(config));
  };
}

test.each((readVectors("process") as { cases: ProcessCase[] }).cases)(
  "as a process: $name",
  async (vector) => {
    const fake = start(vector.args, {}, makeProcessFiles(vector.name));
    if (vector.signal !== undefined) {
      await fake.ready();
      fake.child.kill(vector.signal);
    }
    const end = await fake.end();
    const { code = null, signal = null } = vector.exit;
    expect({ ...end, output: fake.output }).toMatchObject({ code, signal });
    if (vector.output !== undefined) expect(fake.output).toBe(vector.output);
    if (vector.outputEnd !== undefined)
      expect(fake.output.slice(-vector.outputEnd.length)).toBe(vector.outputEnd);
    if (vector.signal !== undefined) expect(existsSync(fake.socketPath)).toBe(true);
  },
);

test("of too many connections at once the last are refused", async () => {
  const { count, served, request, response, refusal } = readVectors("connections") as {
    count: number;
    served: number;
    request: VectorRequest;
    response: VectorResponse;
    refusal: string;
  };
  const fake = start(["--api-sock", "api.sock"]);
  await fake.ready();
  const sockets = [];
  for (let index = 0; index < count; index += 1) sockets.push(await connectTo(fake.socketPath));
  for (const socket of sockets.slice(served)) expect(await readResponse(socket)).toBe(refusal);
  for (const socket of sockets.slice(0, served)) {
    socket.write(requestText(request));
    expect(await readResponse(socket)).toBe(responseText(response));
  }
  for (const socket of sockets) socket.destroy();
});

test("log and metrics look as recorded", async () => {
  const group = apiGroups().find(({ name }) => name === "running");
  if (group === undefined) throw new Error("the vectors of a running VM are missing");
  const fake = start(["--api-sock", "api.sock", "--id", "rec-1"], {}, makeBootFiles);
  await fake.ready();
  const untilStart = group.cases.findIndex(({ request }) => String(request.body).includes("InstanceStart"));
  for (const { request } of group.cases.slice(0, untilStart + 1)) await fake.exchange(requestText(request));
  const { logHead, metrics } = readVectors("log") as { logHead: string[]; metrics: Record<string, object> };
  const log = withoutTimes(readFileSync(join(fake.folder, "fc.log"), "utf8")).split("\n");
  expect(log.slice(0, logHead.length)).toEqual(logHead);
  const line = JSON.parse(readFileSync(join(fake.folder, "m.ndjson"), "utf8")) as Record<string, object>;
  const found = Object.fromEntries(Object.keys(metrics).map((name) => [name, line[name]]));
  expect({ ...found, utc_timestamp_ms: 0 }).toEqual({ ...metrics, utc_timestamp_ms: 0 });
  expect(Object.keys(line).slice(0, Object.keys(metrics).length)).toEqual(Object.keys(metrics));
});
