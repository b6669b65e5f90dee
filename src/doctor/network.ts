import { closeSync, openSync } from "node:fs";
import { asNkError } from "../base/errors.ts";
import { lacking, ok, warn, type Finding } from "../host/finding.ts";
import { isRoot } from "../host/user-namespace.ts";
import { findNetworkProgram } from "../network/programs.ts";
import { closedBy } from "../network/tap/firewall.ts";
import { FORWARDING, readSysctl } from "../network/tap/sysctls.ts";
import type { Check } from "./check.ts";
import type { Context } from "./context.ts";

/** What a VM's network needs of the host (docs/networking.md). */
export const NETWORK_CHECKS: readonly Check[] = [
  { group: "network", name: "tun", modes: ["vm"], run: tun },
  { group: "network", name: "programs", modes: ["vm"], run: programs },
  { group: "network", name: "forwarding", modes: [], run: forwarding },
  { group: "network", name: "firewall", modes: [], run: firewall },
];

const TUN = "/dev/net/tun";

/** A card of the kinds `tap` and `netns` is a tap; which of them `auto` takes depends on the container. */
function tun({ settings: { net } }: Context): Finding {
  try {
    closeSync(openSync(TUN, "r+"));
    return ok(`${TUN} opens: a VM can have a network card`);
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    const isForbidden = code === "EACCES" || code === "EPERM";
    const mend = isForbidden
      ? "run it as root; in a container, with that device (docker run --device=/dev/net/tun)"
      : "modprobe tun";
    return lacking(net === "tap" || net === "netns")(`${message}: a VM can have no network card`, mend);
  }
}

/** By the package that has them; of `tap` all, of `netns` the first two. */
const PROGRAMS = { ip: "iproute2", tc: "iproute2", nft: "nftables", flock: "util-linux" };

function programs({ settings: { net } }: Context): Finding {
  const missing = Object.entries(PROGRAMS).filter(([name]) => findNetworkProgram(name) === undefined);
  if (missing.length === 0) return ok(`${Object.keys(PROGRAMS).join(", ")} are installed`);
  const names = missing.map(([name]) => name).join(", ");
  const packages = [...new Set(missing.map(([, name]) => name))].join(" ");
  const isNeeded = net === "tap" || (net === "netns" && names !== "nft");
  const found = `not installed: ${names}: a VM made by hand has no bridge of the host to be on`;
  return lacking(isNeeded)(found, `apt-get install ${packages}`);
}

function forwarding(): Finding {
  const words = Object.entries(FORWARDING).map(([version, path]) => {
    // IPv6 may not be there.
    const isOn = (readSysctl(path) ?? "0") !== "0";
    return `IPv${version} ${isOn ? "on" : "off"}`;
  });
  return ok(`${words.join(", ")}; a bridge of ours switches on what is off, and puts it back`);
}

async function firewall({ settings: { bridge } }: Context): Promise<Finding> {
  if (!isRoot()) return ok("not looked at: a VM of yours is on no bridge of the host");
  if (findNetworkProgram("nft") === undefined) return ok("not looked at: nft is not installed");
  try {
    const [first] = await closedBy(bridge);
    return first ? warn(first.found, first.mend) : ok(`nothing in nftables drops what ${bridge} forwards`);
  } catch (error) {
    return warn(`could not be looked at: ${asNkError(error).message}`, "run it as root");
  }
}
