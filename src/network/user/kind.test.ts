import { expect, test } from "vitest";
import { hasDefaultRoute } from "./kind.ts";
import { passtArgs } from "./passt.ts";

const ZEROS = "0".repeat(32);
const LOCAL = `fe80${"0".repeat(28)} 40 ${ZEROS} 00 ${ZEROS} 00000100 00000001 00000000 00000001     eth0`;
const DEFAULT = `${ZEROS} 00 ${ZEROS} 00 20010db8${"0".repeat(23)}1 00000400 00000001 00000000 00000003     eth0`;
/** The kernel's own, for what it cannot reach. */
const UNREACHABLE = `${ZEROS} 00 ${ZEROS} 00 ${ZEROS} ffffffff 00000001 00000000 00200200       lo`;

test.each([
  [false, "no IPv6", ""],
  [false, "links alone", `${LOCAL}\n${UNREACHABLE}\n`],
  [true, "a default route", `${LOCAL}\n${DEFAULT}\n${UNREACHABLE}\n`],
])("%s for %s", (expected, _, routes) => {
  expect(hasDefaultRoute(routes)).toBe(expected);
});

test("passt gets ports as it writes them, and nothing of IPv6 where the host has none", () => {
  const publish = [
    { hostPort: 8080, port: 80, protocol: "tcp" },
    { address: "::1", hostPort: 53, port: 5353, protocol: "udp" },
  ] as const;
  const words = passtArgs({ hasIpv6: false, publish }, 2_000_000_123).join(" ");
  expect(words).toContain("--runas 2000000123");
  expect(words).toMatch(/--ipv4-only .*--tcp-ports 8080:80 --udp-ports ::1\/53:5353$/);
  expect(words).not.toContain("fd6e");
  expect(passtArgs({ hasIpv6: true, publish }, 1).join(" ")).toMatch(
    /--address fd6e\S+ --gateway fd6e\S+ --map-host-loopback none/,
  );
});
