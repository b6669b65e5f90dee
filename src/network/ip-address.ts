import { isIPv4, isIPv6, SocketAddress } from "node:net";

export type Family = 4 | 6;

/** An address as its number. */
export interface Address {
  family: Family;
  value: bigint;
}

/** The addresses that begin with the same bits; all bits behind those are 0. */
export interface Prefix {
  family: Family;
  first: bigint;
  bits: number;
}

/** @returns undefined for what is none; an address with a zone ("fe80::1%eth0") means something on one host alone, and is none */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: numberOf(text.split(".").map(Number), 8) };
  if (!isIPv6(text) || text.includes("%")) return undefined;
  return { family: 6, value: numberOf(groupsOf(text), 16) };
}

/** As inet_ntop(3) writes it. */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return digitsOf(value, 4, 8).join(".");
  const groups = digitsOf(value, 8, 16).map((group) => group.toString(16));
  return new SocketAddress({ family: "ipv6", address: groups.join(":") }).address;
}

/** "10.87.0.0/16". @returns undefined for what is none, also when bits behind the prefix are set */
export function parsePrefix(text: string): Prefix | undefined {
  const [, addressText = "", bitsText] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseAddress(addressText);
  const bits = Number(bitsText);
  if (address === undefined || bits > widthOf(address.family)) return undefined;
  const prefix = prefixOf(address, bits);
  return prefix.first === address.value ? prefix : undefined;
}

/** The prefix that an address is in. */
export function prefixOf({ family, value }: Address, bits: number): Prefix {
  const behind = BigInt(widthOf(family) - bits);
  return { family, first: (value >> behind) << behind, bits };
}

export function formatPrefix({ family, first, bits }: Prefix): string {
  return `${formatAddress({ family, value: first })}/${bits}`;
}

/** How many addresses there are in it. */
export function sizeOf({ family, bits }: Prefix): bigint {
  return 1n << BigInt(widthOf(family) - bits);
}

/** Its address of that number, from 0. */
export function addressAt({ family, first }: Prefix, number: number): string {
  return formatAddress({ family, value: first + BigInt(number) });
}

/** Its last address, where an IPv4 network is called as a whole. */
export function broadcastOf(prefix: Prefix): string {
  return formatAddress({ family: prefix.family, value: prefix.first + sizeOf(prefix) - 1n });
}

/** Whether one is in the other. */
export function overlap(a: Prefix, b: Prefix): boolean {
  if (a.family !== b.family) return false;
  const bits = Math.min(a.bits, b.bits);
  return prefixOf({ ...a, value: a.first }, bits).first === prefixOf({ ...b, value: b.first }, bits).first;
}

/** 127.0.0.0/8, ::1. */
export function isLoopback({ family, value }: Address): boolean {
  return family === 4 ? value >> 24n === 127n : value === 1n;
}

function widthOf(family: Family): number {
  return family === 4 ? 32 : 128;
}

function numberOf(digits: readonly number[], bits: number): bigint {
  return digits.reduce((value, digit) => (value << BigInt(bits)) | BigInt(digit), 0n);
}

function digitsOf(value: bigint, count: number, bits: number): number[] {
  const mask = (1n << BigInt(bits)) - 1n;
  return Array.from({ length: count }, (_, index) =>
    Number((value >> BigInt(bits * (count - 1 - index))) & mask),
  );
}

/** The eight groups of an IPv6 address that isIPv6 takes. */
function groupsOf(text: string): number[] {
  const [left = "", right] = withoutDots(text).split("::");
  const before = numbersOf(left);
  if (right === undefined) return before;
  const after = numbersOf(right);
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/** "::ffff:10.0.0.1" has the last two groups as an IPv4 address. */
function withoutDots(text: string): string {
  const at = text.lastIndexOf(":") + 1;
  if (!isIPv4(text.slice(at))) return text;
  const value = numberOf(text.slice(at).split(".").map(Number), 8);
  return (
    text.slice(0, at) +
    digitsOf(value, 2, 16)
      .map((group) => group.toString(16))
      .join(":")
  );
}

function numbersOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}
