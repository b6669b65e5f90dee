import { afterEach, expect, it, vi } from "vitest";
import { isOfHost, isOrdinaryUser, namespaceEnvironment, rangesIn, subordinate } from "./user-namespace.ts";

const OF_HOST = "         0          0 4294967295\n";
const PODMANS = "         0       1000          1\n         1     100000      65536\n";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

it.each([
  ["root of the host", 0, OF_HOST, "root", false],
  ["root of the host by su", 0, OF_HOST, "alice", false],
  ["a user", 1000, OF_HOST, "alice", true],
  ["podman of a user", 0, PODMANS, "alice", true],
  ["podman of a user without a name", 0, PODMANS, undefined, true],
  ["root of an unprivileged container", 0, PODMANS, "root", false],
  ["a service of an unprivileged container", 0, PODMANS, undefined, false, ""],
])("%s is an ordinary user, or not", (_, uid, map, name, expected, folder = "/run/user/1000") => {
  vi.spyOn(process, "getuid").mockReturnValue(uid);
  vi.stubEnv("USER", name);
  vi.stubEnv("XDG_RUNTIME_DIR", folder);
  expect(isOrdinaryUser(rangesIn(map))).toBe(expected);
});

const ALICE = { uid: 1000, username: "alice" };

it("takes the ranges of a user by name and by number, one after the other", () => {
  const text = "bob:100000:65536\nalice:165536:65536\n\n1000:300000:10\nalicea:1:1\n";
  expect(subordinate(text, ALICE)).toEqual([
    { inside: 1, outside: 165_536, count: 65_536 },
    { inside: 65_537, outside: 300_000, count: 10 },
  ]);
});

it.each(["", "alice", "alice::", "alice:0:65536", "alice:100000:0", "alice:-5:3", "alice:x:y"])(
  "takes no range from %j",
  (text) => expect(subordinate(text, ALICE)).toEqual([]),
);

it("says it to nk-shadow in words of newuidmap", () => {
  const users = rangesIn("0 1000 1\n1 100000 65536\n");
  const groups = rangesIn("0 1001 1\n1 200000 65536\n");
  expect(namespaceEnvironment({ users, groups })).toEqual({
    NK_UID_MAP: "0 1000 1 1 100000 65536",
    NK_GID_MAP: "0 1001 1 1 200000 65536",
  });
  expect(namespaceEnvironment({ users, groups, lack: "no range" })).toEqual({});
});

it.each([
  ["         0          0 4294967295\n", true],
  ["0 0 65536", false],
  ["0 1000 1\n1 100000 65536", false],
])("knows a namespace with all users of the host: %j", (text, expected) => {
  expect(isOfHost(rangesIn(text))).toBe(expected);
});
