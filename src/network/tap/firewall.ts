import { asNkError } from "../../base/errors.ts";
import { warnings } from "../../trace/channels.ts";
import { runNetworkCommand } from "../programs.ts";

/** A chain through which goes what the host forwards, as `nft -j list chains` has it. */
interface ChainJson {
  family: string;
  table: string;
  name: string;
  hook?: string;
  policy?: string;
}

/** Chains that drop what no rule of theirs lets through. What our own table accepts, others may drop still. */
export function droppingChains(output: string): ChainJson[] {
  const { nftables } = JSON.parse(output) as { nftables: { chain?: ChainJson }[] };
  return nftables
    .flatMap(({ chain }) => chain ?? [])
    .filter(({ hook, policy }) => hook === "forward" && policy === "drop");
}

/** A chain of the host's firewall that keeps a bridge from the network, and what opens it. */
export interface ClosedChain {
  found: string;
  mend: string;
}

/** Those that drop what is forwarded, and have no rule that names the bridge. @throws NETWORK */
export async function closedBy(bridge: string): Promise<ClosedChain[]> {
  const closed: ClosedChain[] = [];
  for (const { family, table, name } of droppingChains(await list(["-j", "list", "chains"]))) {
    const text = await list(["list", "table", family, table]);
    if (text.includes(`"${bridge}"`)) continue;
    const rule = `nft insert rule ${family} ${table} ${name}`;
    closed.push({
      found: `the firewall of this host drops what ${bridge} sends and gets (table ${family} ${table}, chain ${name})`,
      mend: `${rule} iifname ${bridge} accept; ${rule} oifname ${bridge} accept`,
    });
  }
  return closed;
}

/** Says so: the containers would reach nothing, and nothing would say why. */
export async function warnOfFirewall(bridge: string): Promise<void> {
  try {
    for (const { found, mend } of await closedBy(bridge))
      warnings.publish(`${found}: let it through: "${mend}"`);
  } catch (error) {
    warnings.publish(`the host's firewall could not be looked at: ${asNkError(error).message}`);
  }
}

function list(args: readonly string[]): Promise<string> {
  return runNetworkCommand({
    program: "nft",
    args,
    name: "look at the host's firewall",
    why: "what drops all that is forwarded keeps the VMs from the network",
  });
}
