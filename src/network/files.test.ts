import { describe, expect, it } from "vitest";
import { guestHosts, guestResolvConf } from "./files.ts";

const RESOLVED = "# by systemd\nnameserver 192.0.2.53\nnameserver 2001:db8::53\nsearch of.resolved\n";

describe("resolv.conf", () => {
  it("is the host's, with its search and options", () => {
    const host =
      "# a comment\nnameserver 192.0.2.1\n nameserver 2001:db8::1 \nsearch a.example b.example\noptions ndots:2\nsortlist 10.0.0.0\n";
    expect(guestResolvConf(host, RESOLVED)).toBe(
      "nameserver 192.0.2.1\nnameserver 2001:db8::1\nsearch a.example b.example\noptions ndots:2\n",
    );
  });

  it("has those that systemd-resolved asks in the place of 127.0.0.53", () => {
    expect(guestResolvConf("nameserver 127.0.0.53\noptions edns0\nsearch home", RESOLVED)).toBe(
      "nameserver 192.0.2.53\nnameserver 2001:db8::53\noptions edns0\nsearch home\n",
    );
  });

  it("names none when there are loopback ones alone", () => {
    expect(guestResolvConf("nameserver 127.0.0.1\nnameserver ::1\nsearch home\n", "")).toBe("search home\n");
    expect(guestResolvConf("nameserver 127.0.0.53\n", "nameserver 127.0.0.1\n")).toBe("");
  });

  it("leaves out what is reached by a link of the host alone, or is no address", () => {
    expect(guestResolvConf("nameserver fe80::1%eth0\nnameserver x\nnameserver 192.0.2.1\n", "")).toBe(
      "nameserver 192.0.2.1\n",
    );
  });

  it("names each once", () => {
    expect(guestResolvConf("nameserver 192.0.2.53\nnameserver 127.0.0.53\n", RESOLVED)).toBe(
      "nameserver 192.0.2.53\nnameserver 2001:db8::53\n",
    );
  });
});

const LOCALHOST = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

it.each([
  ["c1", ["10.87.0.2", "fd00::2"], "10.87.0.2\tc1\nfd00::2\tc1\n"],
  ["c1.example.org", ["10.87.0.2"], "10.87.0.2\tc1.example.org c1\n"],
  ["", ["10.87.0.2"], ""],
])("hosts: the container's name %j is its addresses", (hostname, addresses, lines) => {
  expect(guestHosts(hostname, addresses)).toBe(LOCALHOST + lines);
});
