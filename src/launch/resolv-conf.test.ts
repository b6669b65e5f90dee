import { expect, test } from "vitest";
import { boundResolvConf } from "./resolv-conf.ts";

const destination = "/etc/resolv.conf";

test.each([
  [[], undefined],
  [[{ destination: "/etc/hosts", type: "bind", source: "/x" }], undefined],
  [[{ destination, type: "bind", source: "/x" }], "/x"],
  [[{ destination: "etc//resolv.conf", type: "none", source: "/x", options: ["rbind", "ro"] }], "/x"],
  [
    [
      { destination, source: "/x" },
      { destination, source: "/y" },
    ],
    "/y",
  ],
  [
    [
      { destination, source: "/x" },
      { destination, type: "tmpfs", source: "tmpfs" },
    ],
    undefined,
  ],
  [[{ destination, source: "x" }], undefined],
])("%j: %s", (mounts, path) => {
  expect(boundResolvConf(mounts)).toBe(path);
});
