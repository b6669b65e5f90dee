import { asNkError } from "../../base/errors.ts";
import { notices } from "../../trace/channels.ts";
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

/** Says so when the host has a firewall that no rule of opens for the bridge: the containers would reach nothing, and nothing would say why. */
export async function warnOfFirewall(bridge: string): Promise<void> {
  try {
    for (const chain of droppingChains(await list(["-j", "list", "chains"]))) {
      const { family, table, name } = chain;
      const text = await list(["list", "table", family, table]);
      if (!text.includes(`"${bridge}"`)) notices.publish(closed(bridge, `${family} ${table}`, name));
    }
  } catch (error) {
    notices.publish(`the host's firewall could not be looked at: ${asNkError(error).message}`);
  }
}

function closed(bridge: string, table: string, chain: string): string {
  const rule = `nft insert rule ${table} ${chain}`;
  return `the firewall of this host drops what ${bridge} sends and gets (table ${table}, chain ${chain}): let it through: "${rule} iifname ${bridge} accept; ${rule} oifname ${bridge} accept"`;
}

function list(args: readonly string[]): Promise<string> {
  return runNetworkCommand({
    program: "nft",
    args,
    name: "look at the host's firewall",
    why: "what drops all that is forwarded keeps the VMs from the network",
  });
}
