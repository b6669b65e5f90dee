import { encodeFrame, FrameType } from "../../src/agent/frame-codec.ts";

function say(...messages: object[]): Buffer {
  return Buffer.concat(
    messages.map((message) => encodeFrame(FrameType.control, 0, Buffer.from(JSON.stringify(message)))),
  );
}

const hello = {
  event: "hello",
  protocol: 1,
  agent: "0.1.0",
  kernel: "6.1.192-nk",
  connection: 1,
  uptimeUs: 600_000,
  helloUs: 650_000,
  realtimeNs: "1700000000000000000",
  features: ["runtime:crun"],
};
const process = {
  pid: 7,
  ppid: 1,
  uid: 0,
  comm: "sleep",
  args: "sleep 1",
  state: "S",
  timeMs: 3,
  rssKib: 700,
};
const stats = {
  cpu: { usageUs: 1, userUs: 1, systemUs: 1, nrPeriods: 0, nrThrottled: 0, throttledUs: 0 },
  memory: { current: 1, peak: 2, max: null, swapCurrent: 0, events: { oom: 0 }, file: 1, anon: 1, kernel: 1 },
  pids: { current: 1, max: null },
  io: [{ device: "254:0", rbytes: 1, wbytes: 2, rios: 1, wios: 1 }],
};

/** Conversations of a good agent. converse.ts asks ps, stats, kmsg, create and exec, with seq 1 to 5. */
export const SEEDS: Buffer[] = [
  say(
    hello,
    { event: "step", name: "mounts", startUs: 1, endUs: 2, detail: "all" },
    { event: "log", level: "warn", message: "low on memory" },
    { seq: 1, status: "success", processes: [process, process] },
    { seq: 2, status: "success", stats },
    {
      seq: 3,
      status: "success",
      lines: ["[    0.000000] Linux version 6.1", "[    0.200000] Run /init as init process"],
    },
    {
      seq: 4,
      status: "error",
      code: "RUNTIME",
      error: "create failed",
      log: "executable file `x` not found in $PATH",
    },
    { seq: 5, status: "success", pid: 9 },
  ),
  Buffer.concat([
    say(hello, { seq: 4, status: "success", pid: 3 }, { seq: 5, status: "success", pid: 4 }),
    encodeFrame(FrameType.data, 2, Buffer.from("output")),
    encodeFrame(FrameType.credit, 1, Buffer.from([0, 0, 1, 0])),
    encodeFrame(FrameType.eof, 2),
    encodeFrame(FrameType.close, 1),
    say({ event: "exit", id: "c1", session: "", code: 3, signal: 0, oom: false, timeUs: 5 }),
  ]),
];
