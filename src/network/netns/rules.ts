import type { GuestNeighbour, GuestRule } from "../../agent/guest-network.ts";
import { Fields } from "./fields.ts";

/** A rule of policy routing of a network namespace. */
export interface RuleState {
  /** As a guest is told. */
  told: GuestRule;
  /** What a guest cannot be told of it. */
  unfit?: string;
}

/** What a rule may have that a guest can be told, or need not be. All else says to which packets it applies, or is no look-up in a table. */
const KNOWN = new Set(
  "priority src srclen dst dstlen fwmark fwmask iif iif_detached oif oif_detached table protocol".split(" "),
);
/** Those that each kernel makes itself: priority and table. */
const BUILT_IN = ["0 255", "32766 254", "32767 253"];

/** Of `ip -4|-6 -N -j -d rule show`, without the kernel's own. @throws NETWORK */
export function parseRules(json: unknown, family: 4 | 6): RuleState[] {
  return Fields.list(json, `ip -${family} rule`)
    .filter((rule) => !isBuiltIn(rule))
    .map((rule) => {
      const unfit = rule.keys().find((key) => !KNOWN.has(key));
      const from = prefixOf(rule, "src", family);
      const to = prefixOf(rule, "dst", family);
      const inLink = rule.optionalText("iif");
      const outLink = rule.optionalText("oif");
      const told = {
        family,
        priority: rule.number("priority"),
        table: unfit !== undefined && !rule.has("table") ? 0 : rule.numeral("table"),
        ...(from !== undefined && { from }),
        ...(to !== undefined && { to }),
        ...(inLink !== undefined && { inLink }),
        ...(outLink !== undefined && { outLink }),
        ...(rule.has("fwmark") && { mark: rule.numeral("fwmark") }),
        ...(rule.has("fwmask") && { markMask: rule.numeral("fwmask") }),
      };
      return { told, ...(unfit !== undefined && { unfit }) };
    });
}

function isBuiltIn(rule: Fields): boolean {
  const members = rule.keys().filter((key) => key !== "protocol");
  return (
    members.join(" ") === "priority src table" &&
    rule.text("src") === "all" &&
    BUILT_IN.includes(`${rule.number("priority")} ${rule.text("table")}`)
  );
}

/** "0" with a length is a prefix of zeros, which `ip` does not spell out. */
function prefixOf(rule: Fields, key: "src" | "dst", family: 4 | 6): string | undefined {
  const address = rule.optionalText(key);
  if (address === undefined || address === "all") return undefined;
  const whole = address === "0" ? (family === 4 ? "0.0.0.0" : "::") : address;
  const length = rule.has(`${key}len`) ? rule.number(`${key}len`) : family === 4 ? 32 : 128;
  return `${whole}/${length}`;
}

/** The permanent ones of `ip -N -j neigh`; the others are found when they are needed. @throws NETWORK */
export function parseNeighbours(json: unknown): GuestNeighbour[] {
  return Fields.list(json, "ip neigh")
    .filter((entry) => entry.texts("state").includes("PERMANENT") && entry.has("lladdr"))
    .map((entry) => ({
      link: entry.text("dev"),
      address: entry.text("dst"),
      mac: entry.text("lladdr"),
    }));
}
