import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { Deadline } from "../../base/deadline.ts";
import { MetricsReader } from "./metrics.ts";

const NO_IO = { reads: 0, readBytes: 0, writes: 0, writtenBytes: 0, flushes: 0 };

let reader: MetricsReader;

beforeEach(() => {
  reader = new MetricsReader();
});

function push(...lines: unknown[]): void {
  for (const line of lines) reader.push(Buffer.from(`${JSON.stringify(line)}\n`));
}

test("reads the line that a real Firecracker wrote", () => {
  const { metrics } = JSON.parse(readFileSync("test/vectors/firecracker/log.json", "utf8")) as {
    metrics: Record<string, Record<string, number>>;
  };
  push(metrics);
  const none = { io: 0, mmio: 0 };
  const silent = { toGuestBytes: 0, fromGuestBytes: 0, connections: 0 };
  const disks = [{ name: "vda", ...NO_IO }];
  expect(reader.totals()).toEqual({ disks, vcpuExits: none, vsock: silent, refusedRequests: 0 });
  // The names it goes by are those of the recording: with numbers in their places, each counts.
  const busy = structuredClone(metrics);
  for (const group of Object.values(busy))
    for (const [name, value] of Object.entries(group)) if (typeof value === "number") group[name] = 1;
  push(busy);
  const { disks: after, vcpuExits, vsock, refusedRequests } = reader.totals();
  expect(after).toEqual([{ name: "vda", reads: 1, readBytes: 1, writes: 1, writtenBytes: 1, flushes: 1 }]);
  expect(vcpuExits).toEqual({ io: 2, mmio: 2 });
  expect(vsock).toEqual({ toGuestBytes: 1, fromGuestBytes: 1, connections: 1 });
  expect(refusedRequests).toBeGreaterThan(10);
});

test("adds up what each line has counted, disks in the guest's order", () => {
  push(
    {
      block_d10: { read_count: 1 },
      block_d2: { read_count: 1, read_bytes: 4096 },
      vsock: { rx_bytes_count: 5 },
    },
    { block_d2: { read_count: 2, read_bytes: 8192 }, vsock: { rx_bytes_count: 7 }, vcpu: { exit_io_in: 3 } },
  );
  expect(reader.totals()).toMatchObject({
    disks: [
      { name: "vdc", reads: 3, readBytes: 12_288 },
      { name: "vdk", reads: 1, readBytes: 0 },
    ],
    vsock: { toGuestBytes: 12 },
    vcpuExits: { io: 3, mmio: 0 },
  });
});

test("takes lines however they are cut", () => {
  for (const byte of '{"vcpu":{"exit_io_in":1}}\n{"vcpu":{"exit_io_in":2}}\n{"vcpu":{"exi')
    reader.push(Buffer.from(byte));
  expect(reader.totals().vcpuExits?.io).toBe(3);
  reader.push(Buffer.from('t_io_in":4}}\n{"vcpu":{"exit_io_in":5}}\n'));
  expect(reader.totals().vcpuExits?.io).toBe(12);
});

test.each([
  ["no JSON", "rubbish"],
  ["no object", "[1]"],
  ["a line cut off by a full FIFO", '{"vcpu":{"exit_io_in":1'],
  ["no counters", '{"vcpu":7,"vsock":null,"put_api_requests":[],"block_d0":"x"}'],
  ["counters that are none", '{"vcpu":{"exit_io_in":-1,"exit_io_out":1.5,"exit_mmio_read":"9"}}'],
  ["disks that nobody attached", '{"block_d99":{"read_count":1},"block_root":{"read_count":1}}'],
])("%s counts for nothing, and the next line counts", (_, line) => {
  reader.push(Buffer.from(`${line}\n`));
  push({ vcpu: { exit_io_in: 1 } });
  const { vcpuExits, disks } = reader.totals();
  expect(vcpuExits).toEqual({ io: 1, mmio: 0 });
  expect(disks.every(({ reads, readBytes }) => reads + readBytes === 0)).toBe(true);
});

test("a line without end is given up, whatever its length, and the next one counts", () => {
  for (let mib = 0; mib < 4; mib += 1) reader.push(Buffer.alloc(1024 * 1024, "x"));
  reader.push(Buffer.from('\n{"vcpu":{"exit_io_in":1}}\n'));
  expect(reader.totals().vcpuExits?.io).toBe(1);
});

describe("readNow", () => {
  test("asks for a line and waits for it, for each who asks", async () => {
    const flush = async (): Promise<void> => push({ vcpu: { exit_io_in: 1 } });
    const both = [
      reader.readNow(() => Promise.resolve(), Deadline.after(1000)),
      reader.readNow(flush, Deadline.after(1000)),
    ];
    expect((await Promise.all(both)).map(({ vcpuExits }) => vcpuExits?.io)).toEqual([1, 1]);
  });

  test("ends at its deadline, and with what the flush throws", async () => {
    const silent = reader.readNow(() => Promise.resolve(), Deadline.after(20));
    await expect(silent).rejects.toMatchObject({ code: "TIMEOUT" });
    const refused = reader.readNow(() => Promise.reject(new Error("no")), Deadline.after(20));
    await expect(refused).rejects.toThrow("no");
  });
});
