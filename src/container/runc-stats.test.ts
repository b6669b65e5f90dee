import { expect, it } from "vitest";
import { formatExact } from "../base/exact-json.ts";
import { runcStats } from "./runc-stats.ts";

it("says the agent's numbers in runc's form", () => {
  const stats = {
    cpu: { usageUs: 3000, userUs: 1000, systemUs: 2000, nrPeriods: 4, nrThrottled: 1, throttledUs: 7 },
    memory: {
      current: 100,
      peak: 200,
      max: 4096,
      swapCurrent: 0,
      events: { max: 3, oom_kill: 1 },
      file: 50,
      anon: 40,
      kernel: 10,
    },
    pids: { current: 2, max: 30 },
    io: [{ device: "254:0", rbytes: 512, wbytes: 0, rios: 1, wios: 0 }],
  };
  expect(runcStats(stats)).toMatchObject({
    cpu: {
      usage: { total: 3_000_000, kernel: 2_000_000, user: 1_000_000 },
      throttling: { periods: 4, throttledPeriods: 1, throttledTime: 7000 },
    },
    memory: {
      cache: 50,
      usage: { limit: 4096, usage: 100, max: 200, failcnt: 3 },
      swap: { limit: 4096, usage: 100, failcnt: 0 },
      raw: { anon: 40, file: 50, kernel: 10 },
    },
    pids: { current: 2, limit: 30 },
    blkio: {
      ioServiceBytesRecursive: [
        { major: 254, op: "Read", value: 512 },
        { major: 254, op: "Write" },
      ],
    },
  });
});

it("has runc's number for no limit, which is one of 64 bits", () => {
  const text = formatExact(runcStats({ memory: { max: null }, pids: { current: 1, max: null } }));
  expect(text).toContain('"usage":{"limit":18446744073709551615,"failcnt":0}');
  expect(text).toContain('"pids":{"current":1},"blkio":{},"hugetlb":{}');
});

it.each([null, "x", [], { cpu: 1, memory: "x", pids: null, io: [null, { device: {} }] }])(
  "makes numbers of whatever a guest says: %j",
  (stats) => {
    expect(runcStats(stats)).toMatchObject({ cpu: { usage: { kernel: 0, user: 0 } } });
  },
);
