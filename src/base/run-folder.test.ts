import { afterEach, expect, it, vi } from "vitest";
import { isInUserNamespace, runFolder } from "./run-folder.ts";

const ALL = "         0          0 4294967295\n";
const PODMANS = "         0       1000          1\n         1     100000      65536\n";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

function folderOf(uid: number, map: string, env: Record<string, string | undefined>): string {
  vi.spyOn(process, "getuid").mockReturnValue(uid);
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  return runFolder(map);
}

it.each([
  ["root of the host", 0, ALL, "/run/user/0", "root", "/run/nano-sandbox"],
  ["a user", 1000, ALL, "/run/user/1000", "alice", "/run/user/1000/nano-sandbox"],
  ["a user without a folder", 1000, ALL, undefined, "alice", "/run/nano-sandbox"],
  ["a user with a relative one", 1000, ALL, "run", "alice", "/run/nano-sandbox"],
  ["podman of a user", 0, PODMANS, "/run/user/1000", "alice", "/run/user/1000/nano-sandbox"],
  ["podman of a user without a name", 0, PODMANS, "/run/user/1000", undefined, "/run/user/1000/nano-sandbox"],
  ["root of an unprivileged container", 0, PODMANS, "/run/user/0", "root", "/run/nano-sandbox"],
])("%s", (_, uid, map, XDG_RUNTIME_DIR, USER, folder) => {
  expect(folderOf(uid, map, { XDG_RUNTIME_DIR, USER })).toBe(folder);
});

it("tells a user namespace by its map", () => {
  expect(isInUserNamespace(ALL)).toBe(false);
  expect(isInUserNamespace(PODMANS)).toBe(true);
  expect(isInUserNamespace("0 0 65536\n")).toBe(true);
});
