import { expect, test } from "vitest";
import { userResolvConf } from "./files.ts";

test.each([
  ["as the host asks", "nameserver 192.0.2.53\nsearch a.test b.test\noptions ndots:2\n", undefined],
  [
    "a resolver on the host, by the program",
    "nameserver 127.0.0.53\nsearch a.test\n",
    "nameserver 10.0.2.3\nsearch a.test\n",
  ],
  ["one of several on the host", "nameserver 192.0.2.53\nnameserver ::1\n", "nameserver 10.0.2.3\n"],
  ["no resolver at all", "# nothing\n", "nameserver 10.0.2.3\n"],
  ["comments and spaces", "  nameserver   192.0.2.53\n; nameserver 192.0.2.54\n", "nameserver 192.0.2.53\n"],
])("%s", (_, host, guest) => {
  expect(userResolvConf(host, true)).toBe(guest ?? host);
});

test("a resolver of IPv6 is for a guest that has it", () => {
  const host = "nameserver 2001:db8::53\nnameserver fe80::1%eth0\n";
  expect(userResolvConf(host, true)).toBe("nameserver 2001:db8::53\n");
  expect(userResolvConf(host, false)).toBe("nameserver 10.0.2.3\n");
});
