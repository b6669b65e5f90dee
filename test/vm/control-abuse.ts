import { connect, type Socket } from "node:net";
import { encodeFrame, FrameType } from "../../src/agent/frame-codec.ts";

/** One connection to a control socket that is up to no good. Resolves when it is over, by whichever side. */
export type Abuse = (socketPath: string) => Promise<void>;

const HEADERS = "Host: nk\r\nContent-Type: application/json\r\n";
const WAIT_MS = 300;
/** No process has it: beyond what the kernel gives out by default. */
const NOBODY = 4_194_303;

/** Sends it and leaves at once: what the monitor answers is not read, so that it finds the connection reset. */
function sentAndLeft(bytes: string | Buffer): Abuse {
  return (path) =>
    withSocket(path, (socket) => {
      socket.pause();
      socket.write(bytes, () => socket.destroy());
    });
}

/** Sends it and waits for a while for the monitor to close, reading what it says. */
function sentAndWaited(...pieces: (string | Buffer)[]): Abuse {
  return (path) =>
    withSocket(path, (socket) => {
      socket.resume();
      for (const piece of pieces) socket.write(piece);
      setTimeout(() => socket.destroy(), WAIT_MS);
    });
}

/** Upgrades, reads that it is so, and sends the rest. */
function upgradedAndSent(target: string, sent: Buffer[], headers = ""): Abuse {
  return (path) =>
    withSocket(path, (socket) => {
      socket.once("data", () => {
        for (const frame of sent) socket.write(frame);
        setTimeout(() => socket.destroy(), WAIT_MS);
      });
      socket.write(upgrade(target, headers));
      setTimeout(() => socket.destroy(), 10 * WAIT_MS);
    });
}

function withSocket(path: string, work: (socket: Socket) => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(path, () => work(socket));
    socket.on("error", () => {});
    socket.once("close", () => resolve());
  });
}

function upgrade(target: string, headers = ""): string {
  return `POST ${target} HTTP/1.1\r\n${HEADERS}${headers}Connection: Upgrade\r\nUpgrade: nk-stream\r\n\r\n`;
}

function post(target: string, body: string | Buffer): Buffer {
  const head = `POST ${target} HTTP/1.1\r\n${HEADERS}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
}

const get = (target: string): string => `GET ${target} HTTP/1.1\r\n${HEADERS}\r\n`;

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

const control = (text: string): Buffer => encodeFrame(FrameType.control, 0, Buffer.from(text));

/** Nothing that is a request: none of these may do what their path stands for. */
const BODIES: (string | Buffer)[] = [
  "null",
  "[]",
  "7",
  '"x"',
  "{",
  "[".repeat(5000),
  "[".repeat(5000) + "]".repeat(5000),
  Buffer.from([0xff, 0xfe, 0x00]),
  Buffer.alloc(5 * 1024 * 1024, " "),
];

const DEEP = `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`;

function framesOfExec(): Buffer[][] {
  const data = (stream: number, length: number): Buffer =>
    encodeFrame(FrameType.data, stream, Buffer.alloc(length, "x"));
  const cat = control(JSON.stringify({ process: { args: ["cat"], cwd: "/" }, terminal: false }));
  const flood = Array.from({ length: 6 }, () => data(1, 65_536));
  return [
    [Buffer.from("rubbish that is no frame at all")],
    [Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0])],
    [Buffer.from([0, 0])],
    ...["null", "[]", "{}", "7", "{", '{"process":null}', '{"process":{},"terminal":7}'].map((text) => [
      control(text),
    ]),
    [control(`{"process":${DEEP},"terminal":false}`)],
    [control('{"process":{"args":["\\ud800"],"cwd":"/"},"terminal":false}')],
    flood,
    [cat, ...flood],
    [cat, data(2, 1)],
    [cat, encodeFrame(FrameType.credit, 2, u32(0xffff_ffff))],
    [cat, encodeFrame(FrameType.credit, 1, u32(1))],
    [cat, encodeFrame(FrameType.eof, 1), data(1, 10)],
    [cat, encodeFrame(FrameType.close, 2), encodeFrame(FrameType.close, 2)],
    [cat, encodeFrame(FrameType.signal, 0, u32(0))],
    [cat, encodeFrame(FrameType.signal, 0, u32(0xffff_ffff))],
    [cat, ...Array.from({ length: 500 }, () => encodeFrame(FrameType.resize, 0, u32(7)))],
    [encodeFrame(FrameType.exit, 0, u32(0))],
    [cat, cat],
  ];
}

/** What asks for a container in the VM without being one. @param id of one that is there */
function joins(id: string): string[] {
  const record = {
    version: 1,
    id,
    mode: "vm",
    status: "creating",
    pid: 0,
    pidStartTime: 0,
    ociVersion: "1.0.2",
    bundle: "/nowhere",
    rootfs: "/nowhere",
    created: "now",
    owner: "root",
    annotations: {},
  };
  const job = { record, guestConfig: {}, program: "x", terminal: false };
  return [
    "null",
    "[]",
    "{}",
    '{"job":null,"folder":"../../.."}',
    JSON.stringify({ job: {}, folder: "c-000000000000" }),
    JSON.stringify({ job: { ...job, record: {} }, folder: "c-000000000000" }),
    JSON.stringify({ job, folder: "../../.." }),
    JSON.stringify({ job, folder: "c-000000000000" }),
    JSON.stringify({ job: { ...job, record: { ...record, id: "../x" } }, folder: "c-000000000000" }),
    JSON.stringify({ job: { ...job, record: { ...record, id: "none" } }, folder: "c-000000000000" }),
  ];
}

/** Every way that this file knows to abuse the control socket of the VM that has the container `id`. */
export function abuses(id: string): Abuse[] {
  const exec = `/containers/${id}/exec`;
  const upgrades = [exec, "/containers", "/console", "/events", "/health", "/nothing", "/containers/../exec"];
  const posts = ["start", "kill", "pause", "resume", "end"].map((verb) => `/containers/${id}/${verb}`);
  const targets = [...posts, "/stop", "/pause", "/resume", "/agent", "/nothing"];
  const pid = `Nk-Shadow-Pid: ${NOBODY}\r\n`;
  const slow = ["/stats", "/state", `/containers/${id}/ps`, `/containers/${id}/stats`];
  return [
    sentAndLeft(""),
    sentAndLeft("\0\x01\x02 rubbish\r\n\r\n"),
    sentAndWaited("rubbish\r\n\r\n", "more"),
    sentAndLeft("POST /stop HTTP/1.1\r\nContent-Le"),
    sentAndLeft("POST /stop HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"),
    sentAndLeft("POST /stop HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"),
    sentAndWaited("POST /stop HTTP/1.1\r\nHost: nk\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    sentAndLeft(`CONNECT /console HTTP/1.1\r\n${HEADERS}\r\n`),
    sentAndLeft(`GET /${"x".repeat(100_000)} HTTP/1.1\r\n\r\n`),
    ...upgrades.flatMap((target) => [
      sentAndLeft(upgrade(target)),
      sentAndLeft(upgrade(target, pid) + "rubbish"),
      sentAndWaited(upgrade(target), Buffer.alloc(100_000, 0xff)),
    ]),
    sentAndLeft(upgrade("/containers", "Nk-Shadow-Pid: 1\r\n")),
    ...targets.flatMap((target) => BODIES.map((body) => sentAndWaited(post(target, body)))),
    sentAndWaited(post("/agent", '{"type":"create","id":"x","streams":{"stdin":1,"stdout":2}}')),
    sentAndWaited(post("/agent", `{"type":"health","x":${DEEP}}`)),
    sentAndWaited(post("/agent", '{"type":"health","x":"\\ud800"}')),
    ...framesOfExec().map((sent) => upgradedAndSent(exec, sent)),
    ...joins(id).map((text) => upgradedAndSent("/containers", [control(text)], pid)),
    sentAndLeft(get("/events")),
    sentAndWaited(get("/events")),
    ...slow.flatMap((target) => [sentAndLeft(get(target)), sentAndLeft(get(target).repeat(20))]),
  ];
}
