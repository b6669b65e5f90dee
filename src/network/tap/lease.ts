import { NkError } from "../../base/errors.ts";
import { isAlive } from "../../host/process-info.ts";
import type { ProcessId } from "../../state/record.ts";
import { addressAt, formatPrefix, sizeOf } from "../ip-address.ts";
import type { Publication } from "../network.ts";
import { listSubnets, type Subnets } from "./subnets.ts";

/** What one VM has of a bridge, as long as its owner runs. */
export interface Lease {
  /** Of the VM. */
  id: string;
  /** The monitor. */
  owner: ProcessId;
  /** Of its addresses in their subnets. */
  number: number;
  /** Name of the tap on the host. */
  tap: string;
  mac: string;
  /** With their prefix; IPv4 first, IPv6 where the host has it. */
  addresses: string[];
  publish: Publication[];
}

export function isLeaseAlive({ owner }: Lease): boolean {
  return isAlive(owner.pid, owner.startTime);
}

/** The network itself and the bridge. */
const FIRST_NUMBER = 2;

/**
 * The lowest number that is free: neither leased nor the name of a link of the host. A tap outlives its lease until its VMM has ended.
 * @throws NETWORK
 */
export function chooseNumber(
  bridge: string,
  subnets: Subnets,
  leases: readonly Lease[],
  linkNames: ReadonlySet<string>,
): number {
  const taken = new Set(leases.map(({ number }) => number));
  // The last one of IPv4 is the broadcast address.
  const end = Math.min(...listSubnets(subnets).map((prefix) => Number(sizeOf(prefix) - 1n)));
  for (let number = FIRST_NUMBER; number < end; number += 1) {
    if (!taken.has(number) && !linkNames.has(tapName(bridge, number))) return number;
  }
  throw new NkError(
    "NETWORK",
    `no address is free in ${formatPrefix(subnets.v4)} of the bridge ${bridge}, where ${leases.length} VMs have one: end some, or take a larger subnet`,
  );
}

/** What belongs to a number. */
export function partsOf(
  bridge: string,
  subnets: Subnets,
  number: number,
): Pick<Lease, "tap" | "mac" | "addresses"> {
  return {
    tap: tapName(bridge, number),
    mac: macOf(number),
    addresses: listSubnets(subnets).map((prefix) => `${addressAt(prefix, number)}/${prefix.bits}`),
  };
}

/** "nk0-2". At most 15 bytes: of a long name of a bridge, where it begins and what tells it from another that begins so. */
export function tapName(bridge: string, number: number): string {
  const short = bridge.length <= 9 ? bridge : bridge.slice(0, 5) + checksum(bridge);
  return `${short}-${number.toString(36)}`;
}

/** Four digits. */
function checksum(text: string): string {
  const sum = [...Buffer.from(text)].reduce((value, byte) => (value * 31 + byte) % 65_521, 0);
  return sum.toString(16).padStart(4, "0");
}

/** Locally administered: 02:6e:6b ("nk") and the number. */
function macOf(number: number): string {
  const digits = number.toString(16).padStart(6, "0");
  return `02:6e:6b:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4)}`;
}
