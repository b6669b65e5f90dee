import { describe, expect, it } from "vitest";
import { formatPublication, parsePublication } from "./publication.ts";

describe("a published port", () => {
  it.each([
    ["8080:80", { hostPort: 8080, port: 80, protocol: "tcp" }],
    ["53:5353/udp", { hostPort: 53, port: 5353, protocol: "udp" }],
    ["127.0.0.1:8080:80", { address: "127.0.0.1", hostPort: 8080, port: 80, protocol: "tcp" }],
    ["[::1]:1:65535/udp", { address: "::1", hostPort: 1, port: 65_535, protocol: "udp" }],
    ["0.0.0.0:8080:80", { address: "0.0.0.0", hostPort: 8080, port: 80, protocol: "tcp" }],
  ])("%s is read and written", (text, publication) => {
    expect(parsePublication(text)).toEqual(publication);
    expect(formatPublication(parsePublication(text))).toBe(text);
  });

  it("is tcp, and has its address in short, however it was written", () => {
    expect(formatPublication(parsePublication("[FD00:0:0::1]:8080:80/tcp"))).toBe("[fd00::1]:8080:80");
  });

  it.each([
    ["", "expected [ADDRESS:]HOST:CONTAINER[/udp]"],
    ["80", "expected [ADDRESS:]HOST:CONTAINER[/udp]"],
    ["::1:80:80", "expected [ADDRESS:]HOST:CONTAINER[/udp], an IPv6 address in brackets"],
    ["a:b", 'expected a port of the host from 1 to 65535, found "a"'],
    ["80:", 'expected a port of the container from 1 to 65535, found ""'],
    ["0:80", 'expected a port of the host from 1 to 65535, found "0"'],
    ["80:65536", 'expected a port of the container from 1 to 65535, found "65536"'],
    ["8000-8010:80", 'expected a port of the host from 1 to 65535, found "8000-8010"'],
    ["80:80/sctp", 'expected the protocol tcp or udp, found "sctp"'],
    ["host:80:80", 'expected an IPv4 address, or an IPv6 address in brackets, found "host"'],
    [":80:80", 'expected an IPv4 address, or an IPv6 address in brackets, found ""'],
    ["[10.0.0.1]:80:80", 'expected an IPv6 address in the brackets, found "10.0.0.1"'],
    ["[fe80::1%eth0]:80:80", 'expected an IPv6 address in the brackets, found "fe80::1%eth0"'],
  ])("%j is refused", (text, problem) => {
    expect(() => parsePublication(text)).toThrow(`published port ${JSON.stringify(text)}: ${problem}`);
  });
});
