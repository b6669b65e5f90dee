import type { GuestNeighbour } from "../../agent/guest-network.ts";
import { NkError } from "../../base/errors.ts";
import { parseIpJson } from "../ip-json.ts";
import { networkProgram, runNetworkCommand } from "../programs.ts";
import { withOwnMacs } from "./bridge.ts";
import { parseLinks, type LinkState } from "./links.ts";
import { parseRoutes, type RouteState } from "./routes.ts";
import { parseNeighbours, parseRules, type RuleState } from "./rules.ts";

/** What a network namespace has, as far as a guest or we have to do with it. */
export interface NamespaceState {
  links: LinkState[];
  routes: RouteState[];
  rules: RuleState[];
  neighbours: GuestNeighbour[];
  /** By interface: the kind of its qdisc for what it receives, "ingress" or "clsact". */
  ingress: ReadonlyMap<string, string>;
  /** Interfaces that take routers' advertisements. */
  advertised: ReadonlySet<string>;
}

/**
 * A line of JSON from each command of `ip`, whose one process does several of them. The qdiscs are text, as some of them are whatever the options say.
 * "ra": accept_ra, forwarding and disable_ipv6 of an interface. dash reads byte by byte, and these files end after the first: the status of its `read` is
 * that of an end without a new line.
 */
const SCRIPT = `set -eu
ip=$1 tc=$2
printf 'addr show\\nneigh show\\n' | "$ip" -N -j -d -batch -
printf 'route show table all\\nrule show\\n' | "$ip" -4 -N -j -d -batch -
"$tc" qdisc show
[ -e /proc/net/if_inet6 ] || exit 0
printf 'route show table all\\nrule show\\n' | "$ip" -6 -N -j -d -batch -
for folder in /proc/sys/net/ipv6/conf/*; do
    ra= forwards= off=
    read -r ra <"$folder/accept_ra" || :
    read -r forwards <"$folder/forwarding" || :
    read -r off <"$folder/disable_ipv6" || :
    printf 'ra %s %s %s %s\\n' "$ra" "$forwards" "$off" "\${folder##*/}"
done 2>/dev/null`;

/** Asks a network namespace, a path, for all of it. @throws NETWORK */
export async function readNamespace(netns: string): Promise<NamespaceState> {
  const output = await runNetworkCommand({
    program: "sh",
    args: ["-c", SCRIPT, "sh", networkProgram("ip"), networkProgram("tc")],
    netns,
    name: "read the network namespace",
    why: "the guest gets what the container's network namespace has",
  });
  return parseNamespace(output);
}

/** Of what the script prints. @throws NETWORK */
export function parseNamespace(output: string): NamespaceState {
  const lines = output.split("\n");
  const documents = lines.filter((line) => line.startsWith("[")).map(parseIpJson);
  const [links, neighbours, routes4, rules4, routes6, rules6] = documents;
  const hasIpv6 = documents.length === 6;
  if (documents.length !== 4 && !hasIpv6)
    throw new NkError(
      "NETWORK",
      `cannot read the network namespace: expected 4 or 6 lines of JSON from ip, found ${documents.length}`,
      { log: output.slice(-4096) },
    );
  return {
    links: withOwnMacs(parseLinks(links)),
    routes: [...parseRoutes(routes4, 4), ...(hasIpv6 ? parseRoutes(routes6, 6) : [])],
    rules: [...parseRules(rules4, 4), ...(hasIpv6 ? parseRules(rules6, 6) : [])],
    neighbours: parseNeighbours(neighbours),
    ingress: new Map(
      matches(lines, /^qdisc (ingress|clsact) \S+ dev (\S+) /).map(([kind, dev]) => [dev, kind]),
    ),
    advertised: new Set(
      matches(lines, /^ra (\d) (\d) (\d) (.+)$/)
        .filter(takesAdvertisements)
        .map(([, , , name]) => name),
    ),
  };
}

/** The groups of each line that matches. */
function matches(lines: string[], pattern: RegExp): [string, string, string, string][] {
  return lines.flatMap((line) => {
    const [, one = "", two = "", three = "", four = ""] = pattern.exec(line) ?? [];
    return one === "" ? [] : [[one, two, three, four]];
  });
}

/** accept_ra 1 is for hosts, 2 for those that forward as well (Documentation/networking/ip-sysctl.rst of Linux). */
function takesAdvertisements([ra, forwards, off]: readonly string[]): boolean {
  return off === "0" && (ra === "2" || (ra === "1" && forwards === "0"));
}
