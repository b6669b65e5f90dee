import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loopbackResolvers, readResolvers } from "./resolvers.ts";

test.each([
  ["", []],
  ["nameserver 127.0.0.11\nsearch lan\noptions ndots:0\n", ["127.0.0.11"]],
  ["# nameserver 127.0.0.12\nnameserver 10.0.0.1\n", []],
  // A container's own programs listen there.
  ["nameserver 127.0.0.1\nnameserver ::1\n", []],
  ["nameserver 127.0.0.53\nnameserver 127.0.0.53\nnameserver 127.1.2.3", ["127.0.0.53", "127.1.2.3"]],
  [
    "nameserver 127.0.0.2\nnameserver 127.0.0.3\nnameserver 8.8.8.8\nnameserver 127.0.0.4",
    ["127.0.0.2", "127.0.0.3"],
  ],
  ["nameserver 127.0.0.11x\nnameserver 127.1\nnameserver localhost\nnameserver\n", []],
])("%j names %j", (text, servers) => {
  expect(loopbackResolvers(text)).toEqual(servers);
});

test("a file that is none, or not there, names none", () => {
  const dir = mkdtempSync(join(tmpdir(), "nk-resolvers-"));
  try {
    const file = join(dir, "resolv.conf");
    writeFileSync(file, "nameserver 127.0.0.11\n");
    expect([file, dir, join(dir, "no"), "/dev/zero"].map(readResolvers)).toEqual([
      ["127.0.0.11"],
      [],
      [],
      [],
    ]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
