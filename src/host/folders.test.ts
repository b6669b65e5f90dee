import { afterEach, expect, it, vi } from "vitest";
import { dataFolder, runFolder } from "./folders.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

it.each([
  ["root of the host", 0, "/run/user/0", "/run/nano-sandbox"],
  ["a user", 1000, "/run/user/1000", "/run/user/1000/nano-sandbox"],
  ["a user without a folder", 1000, undefined, "/run/nano-sandbox"],
  ["a user with a relative one", 1000, "run", "/run/nano-sandbox"],
])("of %s", (_, uid, folder, expected) => {
  vi.spyOn(process, "getuid").mockReturnValue(uid);
  vi.stubEnv("XDG_RUNTIME_DIR", folder);
  expect(runFolder()).toBe(expected);
});

it.each([
  ["root of the host", 0, "/data", "/var/lib/nano-sandbox"],
  ["a user", 1000, "/data", "/data/nano-sandbox"],
  ["a user with nothing said", 1000, undefined, "/home/alice/.local/share/nano-sandbox"],
])("the data of %s", (_, uid, folder, expected) => {
  vi.spyOn(process, "getuid").mockReturnValue(uid);
  vi.stubEnv("XDG_DATA_HOME", folder);
  vi.stubEnv("HOME", "/home/alice");
  expect(dataFolder()).toBe(expected);
});
