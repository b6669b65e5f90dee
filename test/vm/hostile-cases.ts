import { FrameType } from "../../src/agent/frame-codec.ts";
import { answer, frame, HELLO, hello, raw, say, step, success, until, type Script } from "./hostile-guest.ts";

/** What ends a `run`: the script of the guest, and the error that the user sees. */
export type EndingCase = [name: string, script: Script, error: RegExp];

const { control, data, credit, eof } = FrameType;
/** Stream ids of the first container. */
const STDIN = 1;
const STDOUT = 2;
const ESCAPES = "\u001b[2J\u001b]0;owned\u0007\u009b31m\r\u202e";

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** A control frame whose header is right and whose payload is not there yet. */
function header(length: string, type: string, flags = "00", stream = "00000000"): Buffer {
  return raw(`${length}${type}${flags}0000${stream}`);
}

/** Good until the container's streams are open. */
function whenCreated(...steps: Buffer[]): Script {
  return () => [hello, until("create"), success, ...steps, step("d")];
}

/** What a guest says that ends its connection, and with it the VM. */
export const protocolErrors: EndingCase[] = [
  ["rubbish", () => [raw("ff".repeat(4096))], /unknown frame type 255/],
  ["a length of 4 GiB", () => [hello, header("ffffffff", "01")], /4294967295 bytes/],
  ["hello twice", () => [hello, hello, step("s")], /said hello twice/],
  ["hello on a port opened again", () => [hello, step("r"), hello, step("s")], /said hello twice/],
  ["another protocol", () => [say({ ...HELLO, protocol: 2 }), step("s")], /speaks protocol 2/],
  ["100,000 brackets", () => [hello, say("[".repeat(100_000)), step("s")], /not JSON/],
  [
    "output beyond its credit",
    whenCreated(frame(data, STDOUT, "x".repeat(65_536), 64)),
    /more than its credit on stream 2/,
  ],
  [
    "an exit status that is none",
    (id) => [hello, until("start"), success, say({ event: "exit", id, session: "", code: -1, signal: 0 })],
    /expected a code from 0 to 255/,
  ],
];

export const moreProtocolErrors: EndingCase[] = [
  ["only zeros", () => [raw("00".repeat(65_536))], /unknown frame type 0/],
  ["a byte too much", () => [hello, header("01001000", "01")], /1048577 bytes/],
  ["an empty DATA", () => [hello, header("00000000", "02", "00", "01000000")], /with 0 bytes/],
  ["flags", () => [hello, header("01000000", "01", "01")], /flags are set/],
  ["control on a stream", () => [hello, header("01000000", "01", "00", "04000000")], /with stream id 4/],
  ["a shadow's frame", () => [hello, header("04000000", "10")], /unknown frame type 16/],
  ["a list", () => [hello, say("[1]")], /not a JSON object/],
  ["bytes that are no JSON", () => [hello, frame(control, 0, Buffer.alloc(4096, 0xff))], /not JSON/],
  ["no protocol number", () => [say({ ...HELLO, protocol: "1" })], /speaks protocol 0/],
  ["input to its host", whenCreated(frame(data, STDIN, "x")), /against the direction of stream 1/],
  ["credit for its own output", whenCreated(frame(credit, STDOUT, u32(1))), /against the direction/],
  ["too much credit", whenCreated(frame(credit, STDIN, u32(0x7fff_ffff))), /too much credit on stream 1/],
  ["end of file twice", whenCreated(frame(eof, STDOUT, "", 2)), /more after EOF on stream 2/],
  ["output after its end", whenCreated(frame(eof, STDOUT), frame(data, STDOUT, "x")), /more after EOF/],
];

const refusal = JSON.stringify({
  status: "error",
  code: "constructor",
  error: `no ${ESCAPES}${"x".repeat(500_000)}`,
  log: `${"y".repeat(400_000)}\n${ESCAPES}the end`,
}).slice(1);

/** Guests that end, or refuse. */
export const ends: EndingCase[] = [
  ["refuses in escape sequences", () => [hello, until("create"), answer(refusal), step("s")], /no \\x1b\[2J/],
  [
    "powers off before its hello",
    () => [step("c", ESCAPES), step("p", "off")],
    /the guest switched itself off/,
  ],
  ["panics in create", () => [hello, until("create"), step("p", "panic")], /kernel panicked/],
];

export const moreEnds: EndingCase[] = [
  ["restarts in configure", () => [hello, until("configure"), step("p", "restart")], /the guest restarted/],
  ["powers off in start", () => [hello, until("start"), step("p", "off")], /the guest switched itself off/],
];

/** Guests that do not answer: each costs a deadline. */
export const silences: EndingCase[] = [
  ["no hello", () => [step("d")], /the agent's hello did not come/],
  [
    "no answer to create, and CPUs that halt",
    () => [hello, until("create"), step("p", "halt")],
    /answer to "create"/,
  ],
];

export const moreSilences: EndingCase[] = [
  ["a port that is closed", () => [hello, until("configure"), step("r"), step("n")], /answer to "configure"/],
  ["no answer to configure", () => [hello, until("configure"), step("d")], /answer to "configure"/],
  ["no answer to mount", () => [hello, until("mount"), step("d")], /answer to "mount"/],
  ["no answer to start", () => [hello, until("start"), step("d")], /answer to "start"/],
  [
    "a loop that lets nothing else run",
    () => [hello, until("create"), step("p", "spin")],
    /answer to "create"/,
  ],
];
