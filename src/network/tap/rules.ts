import { formatPrefix, isLoopback, parseAddress, type Prefix } from "../ip-address.ts";
import type { Publication } from "../network.ts";
import type { Lease } from "./lease.ts";
import { bare, isUniqueLocal, type Subnets } from "./subnets.ts";

export function tableOf(bridge: string): string {
  return `nano-sandbox-${bridge}`;
}

/** Takes the table away, whether it is there or not: input of `nft -f`. */
export function noRules(bridge: string): string {
  const table = `inet ${tableOf(bridge)}`;
  return `add table ${table}\ndelete table ${table}\n`;
}

/** Puts the table there, in the place of one that there is: input of `nft -f`, which does all of it or nothing. */
export function rules(bridge: string, subnets: Subnets, leases: readonly Lease[]): string {
  return `${noRules(bridge)}table inet ${tableOf(bridge)} {
${chain("from", "filter", "prerouting", "raw", fromRules(bridge, subnets, leases))}
${chain("forward", "filter", "forward", "filter", forwardRules(bridge))}
${chain("prerouting", "nat", "prerouting", "dstnat", [LOCAL])}
${chain("output", "nat", "output", "-100", [LOCAL])}
  chain published {
${lines([HOLDER_ONLY, ...leases.flatMap(publishedRules)])}
  }
${chain("postrouting", "nat", "postrouting", "srcnat", postroutingRules(bridge, subnets))}
}
`;
}

/** What is for an address of this host. */
const LOCAL = "fib daddr type local jump published";
/** What cannot be forwarded with such a source is left to the socket that holds the port. */
const HOLDER_ONLY = "ip6 daddr { ::1, fe80::/10 } return";

function chain(
  name: string,
  type: string,
  hook: string,
  priority: string,
  content: readonly string[],
): string {
  return `  chain ${name} {
    type ${type} hook ${hook} priority ${priority}; policy accept;
${lines(content)}
  }`;
}

function lines(content: readonly string[]): string {
  return content.map((line) => `    ${line}`).join("\n");
}

/**
 * Of what a guest sends, nothing goes to the host's loopback addresses, which `route_localnet` would let in, and nothing comes from addresses that are
 * not of its subnets. From a tap itself nothing comes as long as that is a port of the bridge: somebody has removed it.
 */
function fromRules(bridge: string, { v4, v6 }: Subnets, leases: readonly Lease[]): string[] {
  const of6 = ["fe80::/10", "::", ...(v6 === undefined ? [] : [formatPrefix(v6)])];
  return [
    ...leases.map(({ tap }) => `iifname "${tap}" drop`),
    `iifname "${bridge}" ip daddr 127.0.0.0/8 drop`,
    `iifname "${bridge}" ip saddr != ${formatPrefix(v4)} drop`,
    `iifname "${bridge}" ip6 saddr != { ${of6.join(", ")} } drop`,
  ];
}

/** Out, everything; in, answers and what is published. */
function forwardRules(bridge: string): string[] {
  return [
    `iifname "${bridge}" accept`,
    `oifname "${bridge}" ct state established,related accept`,
    `oifname "${bridge}" ct status dnat accept`,
    `oifname "${bridge}" drop`,
  ];
}

/**
 * What leaves by another link has the host's address. What comes to a published port from the host's loopback address, or from the bridge itself, has
 * the bridge's, or the answer would not come back by the host.
 */
function postroutingRules(bridge: string, { v4, v6 }: Subnets): string[] {
  const own4 = formatPrefix(v4);
  const of4 = [
    `ip saddr ${own4} oifname != "${bridge}" masquerade`,
    `ip saddr { 127.0.0.0/8, ${own4} } oifname "${bridge}" ct status dnat masquerade`,
  ];
  if (v6 === undefined) return of4;
  const own6 = formatPrefix(v6);
  return [
    ...of4,
    ...(isPrivate(v6) ? [`ip6 saddr ${own6} oifname != "${bridge}" masquerade`] : []),
    `ip6 saddr ${own6} oifname "${bridge}" ct status dnat masquerade`,
  ];
}

/** Others have routes to public addresses: they are left as they are. */
function isPrivate({ family, first }: Prefix): boolean {
  return isUniqueLocal({ family, value: first });
}

function publishedRules(lease: Lease): string[] {
  return lease.publish.flatMap((publication) =>
    lease.addresses.flatMap((address) => publishedRule(publication, bare(address), lease.id)),
  );
}

/**
 * Not for the container itself, whose port the answer would have to leave by which it came in: where bridges go by the rules too (br_netfilter), none
 * does so. That is left to the socket that holds the port.
 */
function publishedRule(
  { address, hostPort, port, protocol }: Publication,
  target: string,
  id: string,
): string[] {
  const is6 = target.includes(":");
  const where = whereOf(address, is6);
  if (where === undefined) return [];
  const [ip, to] = is6 ? ["ip6", `[${target}]:${port}`] : ["ip", `${target}:${port}`];
  const what = `${where}${ip} saddr != ${target} ${protocol} dport ${hostPort}`;
  return [`${what} dnat ${ip} to ${to} comment "${commentOf(id)}"`];
}

/** @returns undefined: not of this family, or the business of the socket that holds the port */
function whereOf(address: string | undefined, is6: boolean): string | undefined {
  if (address === undefined) return "";
  if (address.includes(":") !== is6) return undefined;
  if (address === (is6 ? "::" : "0.0.0.0")) return "";
  const parsed = parseAddress(address);
  if (is6 && parsed !== undefined && isLoopback(parsed)) return undefined;
  return `${is6 ? "ip6" : "ip"} daddr ${address} `;
}

/** At most 128 bytes, and nothing that ends the text. */
function commentOf(id: string): string {
  return id.replace(/[^\w+.-]/g, "_").slice(0, 64);
}
