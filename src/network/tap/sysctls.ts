import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../../base/errors.ts";
import { reasonOf } from "../../base/system-error.ts";
import type { HostFacts } from "./facts.ts";
import type { SysctlValue } from "./records.ts";
import type { Subnets } from "./subnets.ts";

const ROOT = "/proc/sys/net";
/** Linux sets it as it likes when the forwarding of IPv4 is set (net/ipv4/devinet.c). */
const REDIRECTS = "ipv4/conf/all/accept_redirects";
/** By the version of IP; below /proc/sys/net. */
export const FORWARDING = { 4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding" } as const;

/** Reads one below /proc/sys/net. @returns undefined: there is none */
export type ReadSysctl = (path: string) => string | undefined;

/**
 * What has to be set so that the host forwards. A host that has its routes from routers' advertisements takes them while it forwards only where accept_ra
 * is 2, so that comes first.
 */
export function forwardingSysctls(facts: HostFacts, { v6 }: Subnets, read: ReadSysctl): SysctlValue[] {
  const links = facts.hasIpv6 && v6 !== undefined ? advertisedLinks(facts) : undefined;
  const wanted = [
    ...(links ?? []).map((link) => ({ path: `ipv6/conf/${link}/accept_ra`, from: "1", to: "2" })),
    { path: FORWARDING[4], from: "0", to: "1" },
    ...(links === undefined ? [] : [{ path: FORWARDING[6], from: "0", to: "1" }]),
  ];
  return wanted.filter(({ path, from }) => read(path) === from).map(({ path, to }) => ({ path, value: to }));
}

/** Links that get addresses or routes by advertisements. */
function advertisedLinks({ links, routes }: HostFacts): string[] {
  const byAddress = links.filter(({ addresses }) => addresses.some(({ isAdvertised }) => isAdvertised));
  const byRoute = routes.filter(({ family, isAdvertised }) => family === 6 && isAdvertised);
  return [...new Set([...byAddress.map(({ name }) => name), ...byRoute.map(({ link }) => link)])];
}

/**
 * What to write down before `changes` are made, in the order in which it is put back. Who sets the forwarding of all links sets that of each: those that
 * forward already are to do so again.
 * @param links the folders of conf/
 */
export function valuesBefore(
  changes: readonly SysctlValue[],
  links: readonly string[],
  read: ReadSysctl,
): SysctlValue[] {
  const forwards = changes.filter(({ path }) => !path.endsWith("accept_ra"));
  const families = forwards.map(({ path }) => path.split("/")[0] ?? "");
  const alone = families.flatMap((family) =>
    links
      .map((link) => `${family}/conf/${link}/forwarding`)
      .filter((path) => !path.includes("/all/") && read(path) === "1"),
  );
  const redirects = families.includes("ipv4") ? [REDIRECTS] : [];
  const others = changes.filter((change) => !forwards.includes(change));
  const paths = [
    ...forwards.map(({ path }) => path),
    ...alone,
    ...redirects,
    ...others.map(({ path }) => path),
  ];
  return paths.map((path) => ({ path, value: read(path) ?? "0" }));
}

/**
 * Of the bridge itself, and gone with it: published ports are reached from the host's loopback address, and a guest is no router to us, also where the
 * guests have no IPv6.
 */
export function bridgeSysctls(bridge: string, read: ReadSysctl): SysctlValue[] {
  const of6 = ["accept_dad", "accept_ra"].map((name) => ({
    path: `ipv6/conf/${bridge}/${name}`,
    value: "0",
  }));
  return [
    { path: `ipv4/conf/${bridge}/route_localnet`, value: "1" },
    ...of6.filter(({ path }) => read(path) !== undefined),
  ];
}

export function readSysctl(path: string): string | undefined {
  const file = join(ROOT, path);
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

export function sysctlLinks(): string[] {
  return readdirSync(join(ROOT, "ipv4/conf"));
}

/** @throws NETWORK */
export function writeSysctls(values: readonly SysctlValue[]): void {
  for (const { path, value } of values) {
    if (readSysctl(path) === value) continue;
    const file = join(ROOT, path);
    try {
      writeFileSync(file, value);
    } catch (error) {
      throw new NkError(
        "NETWORK",
        `cannot set ${file} to ${value}: ${reasonOf(error)}: it is needed for --vm-net=tap`,
        { cause: error },
      );
    }
  }
}

/** Puts back what is still there: a link that is gone has taken its own along. @throws NETWORK */
export function restoreSysctls(values: readonly SysctlValue[]): void {
  writeSysctls(values.filter(({ path }) => readSysctl(path) !== undefined));
}
